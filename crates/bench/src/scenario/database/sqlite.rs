//! SQLite, filled by statements that make the rows themselves.

use super::{Database, ENDPOINTS, TENANTS, store_error};
use crate::error::BenchError;
use crate::payload;
use postrider_store::{AnyDatabaseUrl, OperatorConfig, SharedStore, SqliteStore, connect_any};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Row as _, SqliteConnection};
use std::ops::Range;
use std::path::{Path, PathBuf};

const TENANT_ROWS: &str = "
     WITH RECURSIVE tenant (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM tenant WHERE n + 1 < ?1)
     INSERT INTO tenants (id, name, contract, created_at)
     SELECT 't' || n, 't' || n, 'standard-webhooks', 0 FROM tenant";

const ENDPOINT_ROWS: &str = "
     WITH RECURSIVE endpoint (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM endpoint WHERE n + 1 < ?1)
     INSERT INTO endpoints (id, tenant_id, public_id, url, description, events, secret, active,
                            created_at, updated_at)
     SELECT unhex(printf('%032x', n + 1)), 't' || (n % ?2), 'wh_' || n, 'https://receiver.example', '',
            '[\"*\"]', x'', 1, 0, 0
     FROM endpoint";

/// Accepted, and due since, one after the other within the last day. Times are in microseconds.
const DUE: &str = "
     CREATE TEMP TABLE due AS
     WITH RECURSIVE endpoint (n) AS (SELECT ?1 UNION ALL SELECT n + 1 FROM endpoint WHERE n + 1 < ?2),
                    nth (k) AS (SELECT ?3 UNION ALL SELECT k + 1 FROM nth WHERE k + 1 < ?4),
                    due AS (SELECT n, k, (unixepoch() - 79200 + k * 79 + n % 79) * 1000000 AS at
                            FROM nth CROSS JOIN endpoint)
     SELECT unhex(printf('%012x70008000%012x', at / 1000, k * 100000 + n)) AS id, n, at FROM due";

const DUE_EVENTS: &str = "
     INSERT INTO events (id, tenant_id, event_type, payload, metadata, occurred_at, accepted_at)
     SELECT id, 't' || (n % ?1), 'bench.measured', ?2, '{}', at, at FROM due";

const DUE_DELIVERIES: &str = "
     INSERT INTO deliveries (id, tenant_id, event_id, endpoint_id, state, next_attempt_at, created_at)
     SELECT id, 't' || (n % ?1), id, unhex(printf('%032x', n + 1)), 'scheduled', at, at FROM due";

/// The day ?1 days ago.
const OLD: &str = "
     CREATE TEMP TABLE old AS
     WITH RECURSIVE old (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM old WHERE n + 1 < ?2),
                    at AS (SELECT n, (unixepoch('now', 'start of day') - 86400 * ?1) * 1000000
                                     + 86400000000 / ?2 * n AS at FROM old)
     SELECT unhex(printf('%012x70008000%012x', at / 1000, n)) AS id, n, at FROM at";

const OLD_EVENTS: &str = "
     INSERT INTO events (id, tenant_id, event_type, payload, metadata, occurred_at, accepted_at)
     SELECT id, 't' || (n % ?1), 'bench.measured', CAST(printf('{\"number\":\"%080d\"}', n) AS BLOB), '{}', at, at
     FROM old";

const OLD_DELIVERIES: &str = "
     INSERT INTO deliveries (id, tenant_id, event_id, endpoint_id, state, attempts, lease_token,
                             claimed_at, last_status, created_at, finished_at)
     SELECT id, 't' || (n % ?1), id, unhex(printf('%032x', n % ?2 + 1)), 'delivered', 1, id, at, 200, at, at
     FROM old";

const ATTEMPTS: &str = "
     INSERT INTO attempts (delivery_id, number, round, tenant_id, started_at, duration_us, url, contract,
                           request_headers, status, response_headers, response_body, response_end)
     SELECT id, 1, 1, tenant_id, created_at, 12345, 'https://receiver.example', 'standard-webhooks', '[]',
            200, '[]', x'', 'complete'
     FROM deliveries WHERE state = 'delivered'";

pub(in crate::scenario) struct Sqlite {
    file: PathBuf,
}

impl Sqlite {
    /// In a file of its own in this folder.
    pub(in crate::scenario) fn new(folder: &Path) -> Result<Self, BenchError> {
        let folder = std::path::absolute(folder).map_err(BenchError::Start)?;
        Ok(Self { file: folder.join("bench.db") })
    }

    /// Nothing that the bench writes has to outlast a crash.
    async fn connect(&self) -> Result<SqliteConnection, BenchError> {
        let options = SqliteConnectOptions::new()
            .filename(&self.file)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Off);
        options.connect().await.map_err(failed)
    }
}

impl Database for Sqlite {
    async fn open(&self) -> Result<SharedStore, BenchError> {
        let url = AnyDatabaseUrl::File(self.file.clone());
        let store = connect_any(&url, 8, OperatorConfig::default()).map_err(store_error)?;
        store.migrate().await.map_err(store_error)?;
        Ok(store)
    }

    async fn add_endpoints(&self) -> Result<(), BenchError> {
        let mut connection = self.connect().await?;
        let tenants = sqlx::query(TENANT_ROWS).bind(TENANTS);
        tenants.execute(&mut connection).await.map_err(failed)?;
        let endpoints = sqlx::query(ENDPOINT_ROWS).bind(ENDPOINTS).bind(TENANTS);
        endpoints.execute(&mut connection).await.map_err(failed)?;
        Ok(())
    }

    async fn add_due(&self, endpoints: Range<u32>, nth: Range<u32>) -> Result<(), BenchError> {
        let mut connection = self.connect().await?;
        let due = sqlx::query(DUE)
            .bind(endpoints.start)
            .bind(endpoints.end)
            .bind(nth.start)
            .bind(nth.end);
        due.execute(&mut connection).await.map_err(failed)?;
        let events = sqlx::query(DUE_EVENTS).bind(TENANTS).bind(payload::numbered(0).to_vec());
        events.execute(&mut connection).await.map_err(failed)?;
        let deliveries = sqlx::query(DUE_DELIVERIES).bind(TENANTS);
        deliveries.execute(&mut connection).await.map_err(failed)?;
        Ok(())
    }

    async fn add_old(&self, days_ago: u32, rows: u32) -> Result<(), BenchError> {
        let mut connection = self.connect().await?;
        let old = sqlx::query(OLD).bind(days_ago).bind(rows);
        old.execute(&mut connection).await.map_err(failed)?;
        let events = sqlx::query(OLD_EVENTS).bind(TENANTS);
        events.execute(&mut connection).await.map_err(failed)?;
        let deliveries = sqlx::query(OLD_DELIVERIES).bind(TENANTS).bind(ENDPOINTS);
        deliveries.execute(&mut connection).await.map_err(failed)?;
        Ok(())
    }

    async fn add_attempts(&self) -> Result<(), BenchError> {
        let mut connection = self.connect().await?;
        sqlx::query(ATTEMPTS).execute(&mut connection).await.map_err(failed).map(drop)
    }

    async fn calm_down(&self) -> Result<(), BenchError> {
        let mut connection = self.connect().await?;
        let checkpoint = sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)");
        checkpoint.execute(&mut connection).await.map_err(failed).map(drop)
    }

    async fn feed_plan(&self) -> Result<String, BenchError> {
        // SQLite's statements have no names: the plans of all are shown at once.
        Ok(String::new())
    }

    async fn claim_plans(&self, _: &[String]) -> Result<String, BenchError> {
        let mut connection = self.connect().await?;
        let mut plans = String::new();
        for sql in SqliteStore::hot_statements() {
            let explain = format!("EXPLAIN QUERY PLAN {sql}");
            let rows = sqlx::raw_sql(AssertSqlSafe(explain)).fetch_all(&mut connection).await;
            plans += sql.trim();
            for row in rows.map_err(failed)? {
                plans += "\n  -> ";
                plans += &row.try_get_unchecked::<String, _>("detail").map_err(failed)?;
            }
            plans += "\n\n";
        }
        Ok(plans)
    }
}

fn failed(error: sqlx::Error) -> BenchError {
    BenchError::Database("a statement of the bench's", Box::new(error))
}

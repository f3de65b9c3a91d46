//! PostgreSQL, filled by statements that make the rows themselves.

use super::{BATCH, CAP, Database, ENDPOINTS, TENANTS, store_error};
use crate::error::BenchError;
use crate::payload;
use postrider_common::delivery::SUSPECT_AFTER_LOSSES;
use postrider_store::{AnyDatabaseUrl, OperatorConfig, PgStore, SharedStore, connect_any};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection};
use std::collections::HashMap;
use std::ops::Range;
use std::str::FromStr as _;
use uuid::Uuid;

/// What the bench's own connections do without: nothing that it writes has to outlast a crash.
const FILLING: [(&str, &str); 2] =
    [("synchronous_commit", "off"), ("maintenance_work_mem", "512MB")];

/// An id as accepting makes them, of the millisecond that it begins with.
const ID: &str =
    "CREATE FUNCTION bench_id(ms bigint, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
     SELECT (lpad(to_hex(ms), 12, '0') || '70008000' || lpad(to_hex(n), 12, '0'))::uuid
 $$";

const TENANT_ROWS: &str = "INSERT INTO tenants (id, name, contract)
     SELECT 't' || n, 't' || n, 'standard-webhooks' FROM generate_series(0, $1 - 1) AS n";

const ENDPOINT_ROWS: &str = "
     INSERT INTO endpoints (id, tenant_id, public_id, url, description, events, secret, active)
     SELECT lpad(to_hex(n + 1), 32, '0')::uuid, 't' || n % $2, 'wh_' || n, 'https://receiver.example', '',
            '{*}', '', true
     FROM generate_series(0, $1 - 1) AS n";

/// Accepted, and due since, one after the other within the last day.
const DUE: &str = "
     WITH due AS (
         SELECT bench_id((extract(epoch FROM at) * 1000)::bigint, nth * 100000 + n) AS id, at, n
         FROM generate_series($1::bigint, $2 - 1) AS n, generate_series($3::bigint, $4 - 1) AS nth,
              LATERAL (SELECT now() - interval '22 hours' + interval '1 s' * (nth * 79 + n % 79) AS at) AS t
     ), event AS (
         INSERT INTO events (id, tenant_id, event_type, payload, metadata, occurred_at, accepted_at)
         SELECT id, 't' || n % $5, 'bench.measured', $6, '{}', at, at FROM due
     )
     INSERT INTO deliveries (id, tenant_id, event_id, endpoint_id, state, next_attempt_at, created_at)
     SELECT id, 't' || n % $5, id, lpad(to_hex(n + 1), 32, '0')::uuid, 'scheduled', at, at FROM due";

/// Partitions are filled before they are attached, so that their indexes are built at once and not row by
/// row.
const OLD_DAY: &str = "
 CREATE FUNCTION bench_old_day(day date, of bigint, endpoints bigint, tenants bigint)
 RETURNS void LANGUAGE plpgsql AS $$
 DECLARE
     suffix text := '_' || to_char(day, 'YYYYMMDD');
     parent text;
 BEGIN
     FOREACH parent IN ARRAY ARRAY['events', 'deliveries'] LOOP
         EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)',
                        parent || suffix, parent);
     END LOOP;
     EXECUTE format($f$
         INSERT INTO %I (id, tenant_id, event_type, payload, metadata, occurred_at, accepted_at)
         SELECT bench_id((extract(epoch FROM at) * 1000)::bigint, n), 't' || n %% $4, 'bench.measured',
                convert_to('{\"number\":\"' || repeat('0', 80) || '\"}', 'UTF8'), '{}', at, at
         FROM generate_series(1, $2) AS n,
              LATERAL (SELECT $1::timestamp AT TIME ZONE 'UTC' + interval '1 day' * (n - 1) / $2 AS at) AS t
     $f$, 'events' || suffix) USING day, of, endpoints, tenants;
     EXECUTE format($f$
         INSERT INTO %I (id, tenant_id, event_id, endpoint_id, state, attempts, next_attempt_at,
                         lease_token, claimed_at, last_status, created_at, finished_at)
         SELECT id, tenant_id, id,
                lpad(to_hex(row_number() OVER () %% $1 + 1), 32, '0')::uuid, 'delivered', 1, NULL,
                id, accepted_at, 200, accepted_at, accepted_at
         FROM %I
     $f$, 'deliveries' || suffix, 'events' || suffix) USING endpoints;
     EXECUTE format('CREATE UNIQUE INDEX %I ON %I (event_id, endpoint_id, copy)',
                    'deliveries' || suffix || '_one_per_copy', 'deliveries' || suffix);
     FOREACH parent IN ARRAY ARRAY['events', 'deliveries'] LOOP
         EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                        parent, parent || suffix, uuid_floor(day), uuid_floor(day + 1));
     END LOOP;
     PERFORM partitions_ensure(day, 1);
 END
 $$";

const FILL_OLD_DAY: &str =
    "SELECT bench_old_day((now() AT TIME ZONE 'UTC')::date - $1, $2, $3, $4)";

const ATTEMPTS: &str = "
     INSERT INTO attempts (delivery_id, number, round, tenant_id, started_at, duration_us, url, contract,
                           request_headers, status, response_headers, response_body, response_end)
     SELECT id, 1, 1, tenant_id, created_at, 12345, 'https://receiver.example', 'standard-webhooks', '[]',
            200, '[]', '', 'complete'
     FROM deliveries WHERE state = 'delivered'";

pub(in crate::scenario) struct Postgres {
    url: String,
}

impl Postgres {
    pub(in crate::scenario) fn new(url: String) -> Self {
        Self { url }
    }

    async fn connect(&self, settings: &[(&str, &str)]) -> Result<PgConnection, BenchError> {
        let options = PgConnectOptions::from_str(&self.url).map_err(failed)?;
        options.options(settings.iter().copied()).connect().await.map_err(failed)
    }

    /// Where the feeder finds something, as arguments.
    async fn window(&self) -> Result<[String; 4], BenchError> {
        let statements = PgStore::hot_statements();
        let window = statements.iter().find(|one| one.name == "feed: window");
        let sql = window.map_or("SELECT NULL, NULL, NULL, NULL", |one| one.sql);
        let mut hot = self.connect(PgStore::hot_settings()).await?;
        let row: [Option<Uuid>; 4] = sqlx::query_as(sql)
            .fetch_one(&mut hot)
            .await
            .map(|(a, b, c, d)| [a, b, c, d])
            .map_err(failed)?;
        Ok(row.map(|id| id.map_or("NULL".to_owned(), |id| format!("'{id}'"))))
    }

    /// Explains a statement on these arguments, runs it, and undoes it.
    async fn explain(&self, name: &str, arguments: &str) -> Result<String, BenchError> {
        let statements = PgStore::hot_statements();
        let found = statements.iter().find(|one| one.name == name);
        let Some(statement) = found else { return Ok(format!("no statement is named {name}")) };
        let mut hot = self.connect(PgStore::hot_settings()).await?;
        command(&mut hot, format!("PREPARE hot AS {}", statement.sql)).await?;
        command(&mut hot, "BEGIN".to_owned()).await?;
        // Nothing between parentheses is no list of arguments.
        let list = if arguments.is_empty() { String::new() } else { format!("({arguments})") };
        let explain = format!("EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) EXECUTE hot {list}");
        let rows = sqlx::raw_sql(AssertSqlSafe(explain)).fetch_all(&mut hot).await;
        let mut lines = Vec::new();
        for row in rows.map_err(failed)? {
            lines.push(sqlx::Row::try_get_unchecked::<String, _>(&row, 0).map_err(failed)?);
        }
        command(&mut hot, "ROLLBACK".to_owned()).await?;
        Ok(short(&lines))
    }
}

impl Database for Postgres {
    async fn open(&self) -> Result<SharedStore, BenchError> {
        let url: AnyDatabaseUrl = self.url.parse().map_err(|_| BenchError::NoDatabase)?;
        let store = connect_any(&url, 8, OperatorConfig::default()).map_err(store_error)?;
        store.migrate().await.map_err(store_error)?;
        Ok(store)
    }

    async fn add_endpoints(&self) -> Result<(), BenchError> {
        let mut connection = self.connect(&FILLING).await?;
        command(&mut connection, ID.to_owned()).await?;
        command(&mut connection, OLD_DAY.to_owned()).await?;
        let tenants = sqlx::query(TENANT_ROWS).bind(i64::from(TENANTS));
        tenants.execute(&mut connection).await.map_err(failed)?;
        let endpoints =
            sqlx::query(ENDPOINT_ROWS).bind(i64::from(ENDPOINTS)).bind(i64::from(TENANTS));
        endpoints.execute(&mut connection).await.map_err(failed)?;
        Ok(())
    }

    async fn add_due(&self, endpoints: Range<u32>, nth: Range<u32>) -> Result<(), BenchError> {
        let mut connection = self.connect(&FILLING).await?;
        let due = sqlx::query(DUE)
            .bind(i64::from(endpoints.start))
            .bind(i64::from(endpoints.end))
            .bind(i64::from(nth.start))
            .bind(i64::from(nth.end))
            .bind(i64::from(TENANTS))
            .bind(payload::numbered(0).to_vec());
        due.execute(&mut connection).await.map_err(failed)?;
        Ok(())
    }

    async fn add_old(&self, days_ago: u32, rows: u32) -> Result<(), BenchError> {
        let mut connection = self.connect(&FILLING).await?;
        let day = sqlx::query(FILL_OLD_DAY)
            .bind(i32::try_from(days_ago).unwrap_or_default())
            .bind(i64::from(rows))
            .bind(i64::from(ENDPOINTS))
            .bind(i64::from(TENANTS));
        day.execute(&mut connection).await.map_err(failed)?;
        Ok(())
    }

    async fn add_attempts(&self) -> Result<(), BenchError> {
        command(&mut self.connect(&FILLING).await?, ATTEMPTS.to_owned()).await
    }

    async fn calm_down(&self) -> Result<(), BenchError> {
        let mut connection = self.connect(&FILLING).await?;
        command(&mut connection, "VACUUM (ANALYZE)".to_owned()).await?;
        command(&mut connection, "CHECKPOINT".to_owned()).await
    }

    async fn feed_plan(&self) -> Result<String, BenchError> {
        let window = self.explain("feed: window", "").await?;
        let [due_from, due_until, busy_from, busy_until] = self.window().await?;
        let all = format!("'{}', '{}'", Uuid::nil(), Uuid::max());
        let waiting = format!("{all}, {BATCH}, {}, {due_from}, {due_until}", 4 * BATCH);
        let waiting = self.explain("feed: waiting", &waiting).await?;
        let endpoints: Vec<_> =
            (1..=BATCH).map(|n| Uuid::from_u128(n.into()).to_string()).collect();
        let look = format!(
            "'{{{}}}', '{{{}}}', '{{{}}}', {CAP}, 1, {due_from}, {due_until}, {busy_from}, {busy_until},
             '{{{}}}'",
            endpoints.join(","),
            Uuid::nil(),
            Uuid::max(),
            vec![CAP.to_string(); endpoints.len()].join(","),
        );
        let look = self.explain("feed: look", &look).await?;
        Ok(format!("window\n{window}\n\nwaiting\n{waiting}\n\nlook\n{look}\n\n"))
    }

    async fn claim_plans(&self, queued: &[String]) -> Result<String, BenchError> {
        let ids = queued.join(",");
        let first = queued.iter().min().map_or("", String::as_str);
        let last = queued.iter().max().map_or("", String::as_str);
        let claim = format!(
            "'{{{ids}}}', '{{{ids}}}', '{{standard-webhooks}}', '{{15}}', 30, 10, 'queued',
             '{first}', '{last}', {SUSPECT_AFTER_LOSSES}, false"
        );
        let claim = self.explain("claim", &claim).await?;
        // A delivery of the bench's has the id of its event.
        let events = format!("'{{{ids}}}', '{first}', '{last}'");
        let events = self.explain("claim: events", &events).await?;
        Ok(format!("claim\n{claim}\n\nclaim: events\n{events}\n"))
    }
}

async fn command(connection: &mut PgConnection, sql: String) -> Result<(), BenchError> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.map_err(failed).map(drop)
}

fn failed(error: sqlx::Error) -> BenchError {
    BenchError::Database("a statement of the bench's", Box::new(error))
}

/// A plan without what was never executed, and with one partition for those that are read alike.
fn short(lines: &[String]) -> String {
    let mut shown: Vec<&str> = Vec::new();
    // What is left out ends with the next line that is not deeper.
    let mut left_out = None;
    let mut before: HashMap<usize, String> = HashMap::new();
    for line in lines {
        let depth = line.len() - line.trim_start().len();
        if left_out.is_some_and(|of| depth > of) {
            continue;
        }
        left_out = None;
        if line.trim_start().starts_with("->") {
            before.retain(|of, _| *of <= depth);
            let node = line.split("(actual").next().unwrap_or_default();
            let node: String = node.chars().filter(|char| !char.is_ascii_digit()).collect();
            if line.contains("(never executed)") || before.get(&depth) == Some(&node) {
                left_out = Some(depth);
                continue;
            }
            before.insert(depth, node);
        }
        shown.push(line);
    }
    shown.join("\n")
}

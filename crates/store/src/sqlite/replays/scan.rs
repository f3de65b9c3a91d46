//! Which rows a replay means: so many of a tenant's or an endpoint's in the order of ids, each with
//! whether it matches.
//!
//! The part of an index that is read is chosen before anything is compared, so that a step costs the
//! same however few match. Counting reads the very same rows, and a bounded number of them as well.

use crate::error::StoreError;
use crate::replays::step::Candidate;
use crate::replays::{Counted, ReplayMode};
use crate::selection::{Ended, Purpose, Selection, StatusClass};
use crate::sqlite::batch::json;
use crate::sqlite::clock::Micros;
use crate::sqlite::error::StoreResultExt as _;
use postrider_common::delivery::DeadReason;
use sqlx::query::QueryAs;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{FromRow, Sqlite, SqliteConnection};
use uuid::Uuid;

/// Deliveries by one of their indexes, whose condition is `$by`. `?1` is the tenant, `?2` an endpoint.
macro_rules! deliveries {
    ($by:literal) => {
        concat!(
            "
    SELECT s.id, s.event_id, s.state = 'dead' AS is_dead, e.deleted_at IS NOT NULL AS is_deleted,
           s.tenant_id = ?1 AND s.state IN ('delivered', 'dead') AND NOT s.test
               AND s.discarded_at IS NULL AND s.finished_at <= ?5
               AND (?2 IS NULL OR s.endpoint_id = ?2)
               AND (?10 IS NULL OR s.state = ?10)
               AND (?11 IS NULL OR s.dead_reason = ?11)
               AND (?13 IS NULL OR s.dead_reason IS NOT ?13)
               AND (?12 IS NULL OR coalesce(s.last_status / 100, 0) = ?12)
               AND coalesce((?7 IS NULL OR ev.event_type IN (SELECT value FROM json_each(?7)))
                            AND (?8 IS NULL OR ev.accepted_at >= ?8)
                            AND (?9 IS NULL OR ev.accepted_at < ?9), 0) AS matches
    FROM (
        SELECT * FROM deliveries WHERE ",
            $by,
            " AND id > ?3 AND id <= ?4 ORDER BY id LIMIT ?6
    ) AS s
    CROSS JOIN endpoints e ON e.id = s.endpoint_id
    LEFT JOIN events ev ON ev.id = s.event_id
    ORDER BY s.id"
        )
    };
}

/// The events of tenant `?1`, for endpoint `?2`.
macro_rules! events {
    () => {
        "
    SELECT s.id, s.id AS event_id, 0 AS is_dead, e.deleted_at IS NOT NULL AS is_deleted,
           NOT s.test AND s.cancelled_at IS NULL AND s.accepted_at <= ?5
               AND EXISTS (SELECT 1 FROM json_each(e.events) AS name
                           WHERE name.value IN ('*', s.event_type))
               AND (?7 IS NULL OR s.event_type IN (SELECT value FROM json_each(?7)))
               AND (?8 IS NULL OR s.accepted_at >= ?8)
               AND (?9 IS NULL OR s.accepted_at < ?9)
               AND NOT EXISTS (SELECT 1 FROM deliveries d
                               WHERE d.event_id = s.id AND d.endpoint_id = e.id) AS matches
    FROM (
        SELECT id, event_type, accepted_at, cancelled_at, test FROM events
        WHERE tenant_id = ?1 AND id > ?3 AND id <= ?4 ORDER BY id LIMIT ?6
    ) AS s
    CROSS JOIN endpoints e ON e.id = ?2
    ORDER BY s.id"
    };
}

macro_rules! count {
    ($scan:expr) => {
        concat!(
            "SELECT count(*) FILTER (WHERE matches) AS matching,
                    count(*) FILTER (WHERE matches AND NOT is_deleted) AS replayable,
                    count(*) AS scanned
             FROM (",
            $scan,
            ") AS candidates"
        )
    };
}

pub(in crate::sqlite) const BY_TENANT: &str = deliveries!("tenant_id = ?1");
pub(in crate::sqlite) const BY_ENDPOINT: &str = deliveries!("endpoint_id = ?2");
pub(in crate::sqlite) const DEAD: &str = deliveries!("tenant_id = ?1 AND state = 'dead'");
pub(in crate::sqlite) const EVENTS: &str = events!();
const COUNT_BY_TENANT: &str = count!(deliveries!("tenant_id = ?1"));
const COUNT_BY_ENDPOINT: &str = count!(deliveries!("endpoint_id = ?2"));
const COUNT_DEAD: &str = count!(deliveries!("tenant_id = ?1 AND state = 'dead'"));
const COUNT_EVENTS: &str = count!(events!());

/// Which rows, and how many of them.
#[derive(Debug)]
pub(in crate::sqlite) struct Scan<'a> {
    pub(in crate::sqlite) mode: ReplayMode,
    pub(in crate::sqlite) purpose: Purpose,
    pub(in crate::sqlite) tenant: &'a str,
    pub(in crate::sqlite) endpoint: Option<Uuid>,
    pub(in crate::sqlite) selection: &'a Selection,
    /// Greater than the first and at most the second.
    pub(in crate::sqlite) ids: (Uuid, Uuid),
    /// What happened later is not meant.
    pub(in crate::sqlite) by: Micros,
    /// How many rows.
    pub(in crate::sqlite) limit: u32,
}

#[derive(FromRow)]
pub(in crate::sqlite) struct CountRow {
    matching: i64,
    replayable: i64,
    scanned: i64,
}

/// How the rows are found.
enum Path {
    Tenant,
    Endpoint,
    Dead,
    Events,
}

impl Scan<'_> {
    /// The rows.
    pub(in crate::sqlite) async fn run(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<Vec<Candidate>, StoreError> {
        let statement = match self.path() {
            Path::Tenant => BY_TENANT,
            Path::Endpoint => BY_ENDPOINT,
            Path::Dead => DEAD,
            Path::Events => EVENTS,
        };
        self.bound(statement)?.fetch_all(connection).await.or_store_error()
    }

    /// How many there are.
    pub(in crate::sqlite) async fn count(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<CountRow, StoreError> {
        let statement = match self.path() {
            Path::Tenant => COUNT_BY_TENANT,
            Path::Endpoint => COUNT_BY_ENDPOINT,
            Path::Dead => COUNT_DEAD,
            Path::Events => COUNT_EVENTS,
        };
        self.bound(statement)?.fetch_one(connection).await.or_store_error()
    }

    /// There are mostly few dead ones; an endpoint's deliveries are fewer than its tenant's.
    fn path(&self) -> Path {
        let wants_dead =
            self.selection.ended == Some(Ended::Dead) || self.selection.reason.is_some();
        match self.mode {
            ReplayMode::Missed => Path::Events,
            _ if wants_dead => Path::Dead,
            _ if self.endpoint.is_some() => Path::Endpoint,
            _ => Path::Tenant,
        }
    }

    fn bound<Row: for<'r> FromRow<'r, SqliteRow>>(
        &self,
        statement: &'static str,
    ) -> Result<QueryAs<'static, Sqlite, Row, SqliteArguments>, StoreError> {
        let names = self.selection.type_names();
        Ok(sqlx::query_as(statement)
            .bind(self.tenant.to_owned())
            .bind(self.endpoint)
            .bind(self.ids.0)
            .bind(self.ids.1)
            .bind(self.by)
            .bind(self.limit)
            .bind(names.map(|names| json(&names)).transpose()?)
            .bind(self.selection.since.map(Micros::from))
            .bind(self.selection.until.map(Micros::from))
            .bind(self.selection.ended.map(Ended::as_str))
            .bind(self.selection.reason.map(DeadReason::as_str))
            .bind(self.selection.status.map(StatusClass::hundreds))
            .bind(self.selection.spared(self.purpose).map(DeadReason::as_str)))
    }
}

impl CountRow {
    /// All that match.
    pub(in crate::sqlite) fn matching(&self, most: u32) -> Counted {
        self.counted(self.matching, most)
    }

    /// Those whose endpoint is there.
    pub(in crate::sqlite) fn replayable(&self, most: u32) -> Counted {
        self.counted(self.replayable, most)
    }

    fn counted(&self, count: i64, most: u32) -> Counted {
        let count = u64::try_from(count).unwrap_or_default();
        Counted { count, is_exact: self.scanned < i64::from(most) }
    }
}

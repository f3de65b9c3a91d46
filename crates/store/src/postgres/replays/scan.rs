//! Which rows a replay means: so many of a tenant's or an endpoint's in the order of ids, each with
//! whether it matches.
//!
//! The part of an index that is read is chosen before anything is compared, so that a step costs the
//! same however few match. Counting reads the very same rows, and a bounded number of them as well.

use crate::error::StoreError;
use crate::postgres::error::StoreResultExt as _;
use crate::replays::step::Candidate;
use crate::replays::{Counted, ReplayMode};
use crate::selection::{Ended, Purpose, Selection, StatusClass};
use postrider_common::delivery::DeadReason;
use sqlx::postgres::PgArguments;
use sqlx::{FromRow, PgConnection, Postgres};
use time::OffsetDateTime;
use uuid::Uuid;

/// Deliveries by one of their indexes, whose condition is `$by`. `$1` is the tenant, `$2` an endpoint.
macro_rules! deliveries {
    ($by:literal) => {
        concat!(
            "
    SELECT s.id, s.event_id, s.state = 'dead' AS is_dead, e.is_deleted,
           s.tenant_id = $1 AND s.state IN ('delivered', 'dead') AND NOT s.test
               AND s.discarded_at IS NULL AND s.finished_at <= $5
               AND ($2::uuid IS NULL OR s.endpoint_id = $2)
               AND ($10::text IS NULL OR s.state = $10)
               AND ($11::text IS NULL OR s.dead_reason = $11)
               AND ($13::text IS NULL OR s.dead_reason IS DISTINCT FROM $13)
               AND ($12::smallint IS NULL OR coalesce(s.last_status / 100, 0) = $12)
               AND coalesce(($7::text[] IS NULL OR ev.event_type = ANY ($7))
                            AND ($8::timestamptz IS NULL OR ev.accepted_at >= $8)
                            AND ($9::timestamptz IS NULL OR ev.accepted_at < $9), false) AS matches
    FROM (
        SELECT * FROM deliveries WHERE ",
            $by,
            " AND id > $3 AND id <= $4 ORDER BY id LIMIT $6
    ) AS s
    LEFT JOIN LATERAL (
        SELECT event_type, accepted_at FROM events WHERE id = s.event_id LIMIT 1
    ) AS ev ON true
    CROSS JOIN LATERAL (
        SELECT deleted_at IS NOT NULL AS is_deleted FROM endpoints WHERE id = s.endpoint_id LIMIT 1
    ) AS e
    ORDER BY s.id"
        )
    };
}

/// The events of tenant `$1`, for endpoint `$2`. A delivery's id carries its event's millisecond, by
/// which its partition is found.
macro_rules! events {
    () => {
        "
    SELECT s.id, s.id AS event_id, false AS is_dead, e.deleted_at IS NOT NULL AS is_deleted,
           NOT s.test AND s.cancelled_at IS NULL AND s.accepted_at <= $5
               AND ('*' = ANY (e.events) OR s.event_type = ANY (e.events))
               AND ($7::text[] IS NULL OR s.event_type = ANY ($7))
               AND ($8::timestamptz IS NULL OR s.accepted_at >= $8)
               AND ($9::timestamptz IS NULL OR s.accepted_at < $9)
               AND NOT EXISTS (
                   SELECT FROM deliveries d
                   WHERE d.event_id = s.id AND d.endpoint_id = e.id
                     AND d.id >= (left(s.id::text, 13) || '-0000-0000-000000000000')::uuid
                     AND d.id <= (left(s.id::text, 13) || '-ffff-ffff-ffffffffffff')::uuid
               ) AS matches
    FROM (
        SELECT id, event_type, accepted_at, cancelled_at, test FROM events
        WHERE tenant_id = $1 AND id > $3 AND id <= $4 ORDER BY id LIMIT $6
    ) AS s
    CROSS JOIN LATERAL (SELECT * FROM endpoints WHERE id = $2 LIMIT 1) AS e
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

/// What is said of `event_id` holds for every row; the log's indexes ask for it.
pub(in crate::postgres) const BY_TENANT: &str =
    deliveries!("event_id IS NOT NULL AND tenant_id = $1");
pub(in crate::postgres) const BY_ENDPOINT: &str =
    deliveries!("event_id IS NOT NULL AND endpoint_id = $2");
pub(in crate::postgres) const DEAD: &str = deliveries!("tenant_id = $1 AND state = 'dead'");
pub(in crate::postgres) const EVENTS: &str = events!();
const COUNT_BY_TENANT: &str = count!(deliveries!("event_id IS NOT NULL AND tenant_id = $1"));
const COUNT_BY_ENDPOINT: &str = count!(deliveries!("event_id IS NOT NULL AND endpoint_id = $2"));
const COUNT_DEAD: &str = count!(deliveries!("tenant_id = $1 AND state = 'dead'"));
const COUNT_EVENTS: &str = count!(events!());

/// Which rows, and how many of them.
#[derive(Debug)]
pub(in crate::postgres) struct Scan<'a> {
    pub(in crate::postgres) mode: ReplayMode,
    pub(in crate::postgres) purpose: Purpose,
    pub(in crate::postgres) tenant: &'a str,
    pub(in crate::postgres) endpoint: Option<Uuid>,
    pub(in crate::postgres) selection: &'a Selection,
    /// Greater than the first and at most the second.
    pub(in crate::postgres) ids: (Uuid, Uuid),
    /// What happened later is not meant.
    pub(in crate::postgres) by: OffsetDateTime,
    /// How many rows.
    pub(in crate::postgres) limit: u32,
}

#[derive(FromRow)]
pub(in crate::postgres) struct CountRow {
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
    pub(in crate::postgres) async fn run(
        &self,
        connection: &mut PgConnection,
    ) -> Result<Vec<Candidate>, StoreError> {
        let statement = match self.path() {
            Path::Tenant => BY_TENANT,
            Path::Endpoint => BY_ENDPOINT,
            Path::Dead => DEAD,
            Path::Events => EVENTS,
        };
        self.bound(statement).fetch_all(connection).await.or_store_error()
    }

    /// How many there are.
    pub(in crate::postgres) async fn count(
        &self,
        connection: &mut PgConnection,
    ) -> Result<CountRow, StoreError> {
        let statement = match self.path() {
            Path::Tenant => COUNT_BY_TENANT,
            Path::Endpoint => COUNT_BY_ENDPOINT,
            Path::Dead => COUNT_DEAD,
            Path::Events => COUNT_EVENTS,
        };
        self.bound(statement).fetch_one(connection).await.or_store_error()
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

    fn bound<Row: for<'r> FromRow<'r, sqlx::postgres::PgRow>>(
        &self,
        statement: &'static str,
    ) -> sqlx::query::QueryAs<'static, Postgres, Row, PgArguments> {
        let names = self.selection.type_names();
        let names: Option<Vec<String>> =
            names.map(|names| names.into_iter().map(str::to_owned).collect());
        sqlx::query_as(statement)
            .bind(self.tenant.to_owned())
            .bind(self.endpoint)
            .bind(self.ids.0)
            .bind(self.ids.1)
            .bind(self.by)
            .bind(i64::from(self.limit))
            .bind(names)
            .bind(self.selection.since)
            .bind(self.selection.until)
            .bind(self.selection.ended.map(Ended::as_str))
            .bind(self.selection.reason.map(DeadReason::as_str))
            .bind(self.selection.status.map(StatusClass::hundreds))
            .bind(self.selection.spared(self.purpose).map(DeadReason::as_str))
    }
}

impl CountRow {
    /// All that match.
    pub(in crate::postgres) fn matching(&self, most: u32) -> Counted {
        self.counted(self.matching, most)
    }

    /// Those whose endpoint is there.
    pub(in crate::postgres) fn replayable(&self, most: u32) -> Counted {
        self.counted(self.replayable, most)
    }

    fn counted(&self, count: i64, most: u32) -> Counted {
        let count = u64::try_from(count).unwrap_or_default();
        Counted { count, is_exact: self.scanned < i64::from(most) }
    }
}

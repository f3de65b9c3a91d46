//! How the rows of a scan are found, each with whether it matches.
//!
//! The part of an index that is read is chosen before anything is compared, so that a step costs the
//! same however few match. Counting reads the very same rows, and a bounded number of them as well.

use crate::error::StoreError;
use crate::postgres::error::StoreResultExt as _;
use crate::replays::scan::{CountRow, Path, Scan};
use crate::replays::step::Candidate;
use crate::selection::{Ended, StatusClass};
use postrider_common::delivery::DeadReason;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::QueryAs;
use sqlx::{FromRow, PgConnection, Postgres};

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

/// The rows of a scan.
pub(in crate::postgres) async fn run(
    connection: &mut PgConnection,
    scan: &Scan,
) -> Result<Vec<Candidate>, StoreError> {
    let (rows, _) = statements(scan.path());
    bound(rows, scan).fetch_all(connection).await.or_store_error()
}

/// How many there are.
pub(in crate::postgres) async fn count(
    connection: &mut PgConnection,
    scan: &Scan,
) -> Result<CountRow, StoreError> {
    let (_, count) = statements(scan.path());
    bound(count, scan).fetch_one(connection).await.or_store_error()
}

/// What reads the rows, and what counts them.
fn statements(path: Path) -> (&'static str, &'static str) {
    match path {
        Path::Tenant => (BY_TENANT, COUNT_BY_TENANT),
        Path::Endpoint => (BY_ENDPOINT, COUNT_BY_ENDPOINT),
        Path::Dead => (DEAD, COUNT_DEAD),
        Path::Events => (EVENTS, COUNT_EVENTS),
    }
}

fn bound<Row: for<'r> FromRow<'r, PgRow>>(
    statement: &'static str,
    scan: &Scan,
) -> QueryAs<'static, Postgres, Row, PgArguments> {
    let selection = &scan.selection;
    let names = selection.type_names();
    let names: Option<Vec<String>> =
        names.map(|names| names.into_iter().map(str::to_owned).collect());
    sqlx::query_as(statement)
        .bind(scan.tenant.as_str().to_owned())
        .bind(scan.endpoint.id())
        .bind(scan.ids.0)
        .bind(scan.ids.1)
        .bind(scan.by)
        .bind(i64::from(scan.limit))
        .bind(names)
        .bind(selection.since)
        .bind(selection.until)
        .bind(selection.ended.map(Ended::as_str))
        .bind(selection.reason.map(DeadReason::as_str))
        .bind(selection.status.map(StatusClass::hundreds))
        .bind(selection.spared(scan.purpose).map(DeadReason::as_str))
}

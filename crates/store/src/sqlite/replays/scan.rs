//! How the rows of a scan are found, each with whether it matches.
//!
//! The part of an index that is read is chosen before anything is compared, so that a step costs the
//! same however few match. Counting reads the very same rows, and a bounded number of them as well.

use crate::error::StoreError;
use crate::replays::scan::{CountRow, Path, Scan};
use crate::replays::step::Candidate;
use crate::selection::{Ended, StatusClass};
use crate::sqlite::batch::json;
use crate::sqlite::clock::Micros;
use crate::sqlite::error::StoreResultExt as _;
use postrider_common::delivery::DeadReason;
use sqlx::query::QueryAs;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{FromRow, Sqlite, SqliteConnection};

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

/// The rows of a scan.
pub(in crate::sqlite) async fn run(
    connection: &mut SqliteConnection,
    scan: &Scan,
) -> Result<Vec<Candidate>, StoreError> {
    let (rows, _) = statements(scan.path());
    bound(rows, scan)?.fetch_all(connection).await.or_store_error()
}

/// How many there are.
pub(in crate::sqlite) async fn count(
    connection: &mut SqliteConnection,
    scan: &Scan,
) -> Result<CountRow, StoreError> {
    let (_, count) = statements(scan.path());
    bound(count, scan)?.fetch_one(connection).await.or_store_error()
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

fn bound<Row: for<'r> FromRow<'r, SqliteRow>>(
    statement: &'static str,
    scan: &Scan,
) -> Result<QueryAs<'static, Sqlite, Row, SqliteArguments>, StoreError> {
    let selection = &scan.selection;
    let names = selection.type_names().map(|names| json(&names)).transpose()?;
    Ok(sqlx::query_as(statement)
        .bind(scan.tenant.as_str().to_owned())
        .bind(scan.endpoint.id())
        .bind(scan.ids.0)
        .bind(scan.ids.1)
        .bind(Micros::from(scan.by))
        .bind(scan.limit)
        .bind(names)
        .bind(selection.since.map(Micros::from))
        .bind(selection.until.map(Micros::from))
        .bind(selection.ended.map(Ended::as_str))
        .bind(selection.reason.map(DeadReason::as_str))
        .bind(selection.status.map(StatusClass::hundreds))
        .bind(selection.spared(scan.purpose).map(DeadReason::as_str)))
}

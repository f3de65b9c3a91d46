//! The window: which ids deliveries have that are due or under way, as far as whole partitions tell.
//!
//! *Motivation.* A statement that knows no ids opens every partition's index for every endpoint that it
//! looks at, and all but a few of the partitions hold nothing that waits. With the window as parameters
//! PostgreSQL leaves the others out before it begins.

use crate::error::StoreError;
use crate::postgres::error::StoreResultExt as _;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

/// One probe of a partial index for each partition and kind.
pub(in crate::postgres) const WINDOW: &str = "
    WITH days AS MATERIALIZED (
        SELECT uuid_floor(day) AS first, uuid_floor(day + 1) AS after
        FROM (SELECT to_date(right(c.relname, 8), 'YYYYMMDD') AS day
              FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
              WHERE i.inhparent = 'deliveries'::regclass) AS partition
    ), due AS (
        SELECT min(first::text)::uuid AS due_from, max(after::text)::uuid AS due_until FROM days
        CROSS JOIN LATERAL (
            SELECT FROM deliveries WHERE state = 'scheduled' AND id >= first AND id < after
            ORDER BY endpoint_id, next_attempt_at LIMIT 1
        ) AS found
    ), busy AS (
        SELECT min(first::text)::uuid AS busy_from, max(after::text)::uuid AS busy_until FROM days
        CROSS JOIN LATERAL (
            SELECT FROM deliveries
            WHERE state IN ('queued', 'in_flight') AND id >= first AND id < after
            ORDER BY endpoint_id LIMIT 1
        ) AS found
    )
    SELECT due_from, due_until, busy_from, busy_until FROM due, busy";

/// Ids from one on and before another; none at all where there are none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ids {
    pub(super) from: Option<Uuid>,
    pub(super) until: Option<Uuid>,
}

/// Where to look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// For what is `scheduled`.
    pub(super) due: Ids,
    /// For what is `queued` or `in_flight`. The first delivery of a day may be accepted meanwhile and not
    /// be counted; the next step counts it.
    pub(super) busy: Ids,
}

#[derive(FromRow)]
struct Row {
    due_from: Option<Uuid>,
    due_until: Option<Uuid>,
    busy_from: Option<Uuid>,
    busy_until: Option<Uuid>,
}

/// Finds the window as it is now.
pub(super) async fn find(txn: &mut PgConnection) -> Result<Window, StoreError> {
    let row: Row = sqlx::query_as(WINDOW).fetch_one(txn).await.or_store_error()?;
    Ok(Window {
        due: Ids { from: row.due_from, until: row.due_until },
        busy: Ids { from: row.busy_from, until: row.busy_until },
    })
}

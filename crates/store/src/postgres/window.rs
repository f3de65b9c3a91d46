//! The window: which ids deliveries have that wait or are under way, as far as whole partitions tell.
//!
//! *Motivation.* A statement that knows no ids opens every partition's index for every endpoint that it
//! looks at, and all but a few of the partitions hold nothing that waits. With the window as parameters
//! PostgreSQL leaves the others out before it begins.

use super::error::StoreResultExt as _;
use crate::error::StoreError;
use sqlx::PgConnection;
use uuid::Uuid;

/// The days that there are partitions of.
macro_rules! days {
    () => {
        "
    WITH days AS MATERIALIZED (
        SELECT uuid_floor(day) AS first, uuid_floor(day + 1) AS after
        FROM (SELECT to_date(right(c.relname, 8), 'YYYYMMDD') AS day
              FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
              WHERE i.inhparent = 'deliveries'::regclass) AS partition
    )"
    };
}

/// Another CTE: the window of a kind of deliveries, by one probe of the kind's index for each partition.
macro_rules! kind {
    ($name:literal, $states:literal, by $order:literal) => {
        concat!(
            ", ",
            $name,
            " AS (
        SELECT min(first::text)::uuid AS since, max(after::text)::uuid AS until FROM days
        CROSS JOIN LATERAL (
            SELECT FROM deliveries WHERE ",
            $states,
            " AND id >= first AND id < after
            ORDER BY ",
            $order,
            " LIMIT 1
        ) AS found
    )"
        )
    };
}

pub(super) const FEEDING: &str = concat!(
    days!(),
    kind!("due", "state = 'scheduled'", by "endpoint_id, next_attempt_at"),
    kind!("busy", "state IN ('queued', 'in_flight')", by "endpoint_id"),
    "
    SELECT due.since, due.until, busy.since, busy.until FROM due, busy"
);

pub(super) const FOLLOWING: &str = concat!(
    days!(),
    kind!("held", "state = 'held'", by "endpoint_id, id"),
    kind!("scheduled", "state = 'scheduled'", by "endpoint_id, next_attempt_at"),
    kind!("waiting", "state = 'waiting'", by "endpoint_id, ordering_key, sequence"),
    "
    SELECT held.since, held.until, scheduled.since, scheduled.until, waiting.since, waiting.until
    FROM held, scheduled, waiting"
);

/// For the transaction. The bounds on ids are there to leave partitions out; a plan that makes a bitmap of all
/// ids between them, since it cannot know how many those are, reads the partition for each endpoint.
const BY_INDEXES: &str = "SELECT FROM set_config('enable_bitmapscan', 'off', true)";

/// Ids from one on and before another; none at all where there are none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ids {
    pub(super) from: Option<Uuid>,
    pub(super) until: Option<Uuid>,
}

/// Where the feeder looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct FeedWindow {
    /// For what is `scheduled`.
    pub(super) due: Ids,
    /// For what is `queued` or `in_flight`. The first delivery of a day may be accepted meanwhile and not
    /// be counted; the next step counts it.
    pub(super) busy: Ids,
}

/// Where the follower looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct FollowWindow {
    pub(super) held: Ids,
    pub(super) scheduled: Ids,
    pub(super) waiting: Ids,
}

impl Ids {
    fn of((from, until): (Option<Uuid>, Option<Uuid>)) -> Self {
        Self { from, until }
    }

    /// Whether there are none.
    pub(super) fn is_empty(self) -> bool {
        self.from.is_none()
    }
}

type Bound = Option<Uuid>;

/// Finds the feeder's window as it is now.
pub(super) async fn feeding(txn: &mut PgConnection) -> Result<FeedWindow, StoreError> {
    let row: (Bound, Bound, Bound, Bound) =
        sqlx::query_as(FEEDING).fetch_one(txn).await.or_store_error()?;
    Ok(FeedWindow { due: Ids::of((row.0, row.1)), busy: Ids::of((row.2, row.3)) })
}

/// Finds the follower's window as it is now.
pub(super) async fn following(txn: &mut PgConnection) -> Result<FollowWindow, StoreError> {
    let row: (Bound, Bound, Bound, Bound, Bound, Bound) =
        sqlx::query_as(FOLLOWING).fetch_one(txn).await.or_store_error()?;
    Ok(FollowWindow {
        held: Ids::of((row.0, row.1)),
        scheduled: Ids::of((row.2, row.3)),
        waiting: Ids::of((row.4, row.5)),
    })
}

/// Makes the transaction's statements with bounds on ids read by their states' indexes.
pub(super) async fn by_indexes(txn: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query(BY_INDEXES).execute(txn).await.or_store_error()?;
    Ok(())
}

//! Follow: waiting deliveries take the state that their endpoint's state asks for, a share of each endpoint
//! at a time, as `crate::follow` says.
//!
//! An accept that raced a resume is caught up with as well. A test is held by nothing. A loose index scan
//! finds the endpoints, with one probe for each, in the partitions in which something waits (`window`); the
//! deliveries that somebody else holds are left for the next step, so that this waits for nobody.

use super::error::StoreResultExt as _;
use super::window::{self, Ids};
use super::{PgStore, ordering, probe};
use crate::circle::Circle;
use crate::error::StoreError;
use crate::follow::{Circles, Followed, Moved, share};

/// The statements of a kind of step: deliveries of a state become what their endpoint `e` asks for by now,
/// or dead if it is deleted, where `$when` holds of it, as far as they are meant. What is not dead is due at
/// `$due`. Where the stretch ends is looked at after the probe, as by the feeder.
macro_rules! kind {
    ($from:literal to $to:literal, when $when:literal, meant $meant:literal, by $index:literal,
     first $order:literal, due $due:literal) => {
        Kind {
            find: concat!(
                "
    WITH RECURSIVE waiting AS (
        SELECT $1::uuid AS endpoint_id, false AS is_meant, 0::bigint AS seen, 0::bigint AS found
        UNION ALL
        SELECT next.endpoint_id, e.is_meant, w.seen + 1, w.found + e.is_meant::int
        FROM waiting w
        CROSS JOIN LATERAL (
            SELECT endpoint_id FROM deliveries
            WHERE state = '",
                $from,
                "' AND endpoint_id > w.endpoint_id AND id >= $5 AND id < $6
            ORDER BY ",
                $index,
                " LIMIT 1
        ) AS next
        CROSS JOIN LATERAL (
            SELECT e.deleted_at IS NOT NULL OR ",
                $when,
                " AS is_meant
            FROM endpoints e WHERE e.id = next.endpoint_id LIMIT 1
        ) AS e
        WHERE w.found < $3 AND w.seen < $4 AND next.endpoint_id <= $2
    )
    SELECT endpoint_id, is_meant FROM waiting WHERE seen > 0 ORDER BY seen"
            ),
            change: concat!(
                "
    WITH chosen AS MATERIALIZED (
        SELECT w.*, e.deleted_at IS NOT NULL AS deleted
        FROM unnest($1::uuid[]) AS found (id)
        CROSS JOIN LATERAL (SELECT * FROM endpoints WHERE id = found.id LIMIT 1) AS e
        CROSS JOIN LATERAL (
            SELECT * FROM deliveries d
            WHERE d.endpoint_id = e.id AND d.state = '",
                $from,
                "' AND (e.deleted_at IS NOT NULL OR ",
                $meant,
                ") AND d.id >= $3 AND d.id < $4
            ORDER BY ",
                $order,
                " LIMIT $2
            FOR UPDATE SKIP LOCKED
        ) AS w
        WHERE e.deleted_at IS NOT NULL OR ",
                $when,
                "
    )
    INSERT INTO deliveries AS d (id, tenant_id, event_id, endpoint_id, state, dead_reason,
                                 finished_at, next_attempt_at)
    SELECT id, tenant_id, event_id, endpoint_id,
           CASE WHEN deleted THEN 'dead' ELSE '",
                $to,
                "' END,
           CASE WHEN deleted THEN 'endpoint_deleted' END,
           CASE WHEN deleted THEN now() END,
           CASE WHEN NOT deleted THEN ",
                $due,
                " END
    FROM chosen
    ON CONFLICT (id) DO UPDATE SET
        state = excluded.state, dead_reason = excluded.dead_reason,
        finished_at = excluded.finished_at, next_attempt_at = excluded.next_attempt_at
    RETURNING d.endpoint_id, d.id"
            ),
        }
    };
}

/// What a kind of step asks.
pub(super) struct Kind {
    /// Which endpoints there are on a stretch of the circle, and whether they are meant.
    pub(super) find: &'static str,
    /// Moves a share of each of some endpoints. Gives what it moved, each after its endpoint.
    pub(super) change: &'static str,
}

/// Due times of deliveries that are resumed keep the order in which they were accepted.
pub(super) const RESUME: Kind = kind!(
    "held" to "scheduled", when "(e.active AND e.disabled_at IS NULL)", meant "true",
    by "endpoint_id, id", first "d.id", due "greatest(next_attempt_at, created_at)"
);

pub(super) const HOLD: Kind = kind!(
    "scheduled" to "held", when "NOT e.active OR e.disabled_at IS NOT NULL", meant "NOT d.test",
    by "endpoint_id, next_attempt_at", first "d.next_attempt_at", due "next_attempt_at"
);

/// What waits for its turn at endpoints that do not ask for order any more, or are deleted. Due times
/// keep the order in which they were accepted.
pub(super) const LET_GO: Kind = kind!(
    "waiting" to "scheduled", when "e.ordering IS NULL", meant "true",
    by "endpoint_id, ordering_key, sequence", first "d.ordering_key, d.sequence", due "created_at"
);

pub(super) async fn follow(store: &PgStore, limit: u32) -> Result<Followed, StoreError> {
    let mut connection = store.hot.acquire().await.or_store_error()?;
    let window = window::following(&mut connection).await?;
    drop(connection);
    let Circles { resume, hold, let_go } = &*store.following;
    let resumed = step(store, &RESUME, resume, window.held, limit).await?;
    let held = step(store, &HOLD, hold, window.scheduled, limit).await?;
    probe::take_back(store, &held.rows).await?;
    let let_go = step(store, &LET_GO, let_go, window.waiting, limit).await?;
    let mut followed = ordering::follow(store, limit).await?;
    for moved in [resumed, held, let_go] {
        followed += moved.followed();
    }
    Ok(followed)
}

/// Goes a bit further round one circle.
async fn step(
    store: &PgStore,
    kind: &Kind,
    circle: &Circle,
    ids: Ids,
    limit: u32,
) -> Result<Moved, StoreError> {
    if ids.is_empty() {
        return Ok(Moved::default());
    }
    let mut txn = store.hot.begin().await.or_store_error()?;
    window::by_indexes(&mut txn).await?;
    let mut scan = circle.begin(limit);
    while let Some(stretch) = scan.next() {
        let (meant, all) = scan.limits();
        let find = sqlx::query_as(kind.find).bind(stretch.after).bind(stretch.until).bind(meant);
        let find = find.bind(all).bind(ids.from).bind(ids.until);
        scan.found(stretch, find.fetch_all(&mut *txn).await.or_store_error()?);
    }
    let mut moved = Moved { share: share(limit, scan.meant.len()), ..Moved::default() };
    if !scan.meant.is_empty() {
        let change = sqlx::query_as(kind.change).bind(&scan.meant).bind(i64::from(moved.share));
        let change = change.bind(ids.from).bind(ids.until);
        moved.rows = change.fetch_all(&mut *txn).await.or_store_error()?;
    }
    txn.commit().await.or_store_error()?;
    circle.end(&scan);
    Ok(moved)
}

//! Order by key: moves on from heads that are done with.

use super::PgStore;
use super::error::StoreResultExt as _;
use crate::error::StoreError;
use crate::follow::Followed;
use crate::ordering::{Done, Position, Seen, after, is_over};
use postrider_common::delivery::DeliveryState;
use sqlx::PgConnection;
use std::collections::BTreeSet;
use std::sync::PoisonError;
use uuid::Uuid;

/// Keys whose head is another one have moved on already.
pub(super) const LOCK: &str = "
    SELECT k.endpoint_id, k.key, k.head AS id
    FROM unnest($1::uuid[], $2::text[], $3::uuid[]) AS done (endpoint_id, key, id)
    CROSS JOIN LATERAL (
        SELECT * FROM ordering_keys
        WHERE endpoint_id = done.endpoint_id AND key = done.key AND head = done.id
        FOR UPDATE
    ) AS k";

/// A statement of its own: it sees what those committed whom the lock waited for. What comes after one that
/// was held for too long is due since it was accepted: it has waited for as long. A next one that somebody
/// else holds is neither waited for, since whoever it is may wait for us, nor passed over: its key stays as
/// it is, until whoever cancels it, or the follower, moves it.
pub(super) const ADVANCE: &str = concat!(
    "
    WITH over AS MATERIALIZED (
        SELECT locked.*, h.dead_reason
        FROM unnest($1::uuid[], $2::text[], $3::uuid[]) AS locked (endpoint_id, key, head)
        LEFT JOIN LATERAL (
            SELECT * FROM endpoints WHERE id = locked.endpoint_id LIMIT 1
        ) AS e ON true
        LEFT JOIN LATERAL (SELECT * FROM deliveries WHERE id = locked.head LIMIT 1) AS h ON true
        WHERE ",
    is_over!(),
    "
    ), line AS MATERIALIZED (
        SELECT over.endpoint_id, over.key, first.id IS NULL AS is_empty, next.id AS next,
               next.tenant_id, next.event_id,
               CASE WHEN over.dead_reason = 'expired' THEN next.created_at ELSE now() END AS due_at
        FROM over
        LEFT JOIN LATERAL (
            SELECT id FROM deliveries
            WHERE endpoint_id = over.endpoint_id AND ordering_key = over.key AND state = 'waiting'
            ORDER BY sequence LIMIT 1
        ) AS first ON true
        LEFT JOIN LATERAL (
            SELECT id, tenant_id, event_id, created_at FROM deliveries
            WHERE id = first.id AND state = $4 FOR UPDATE SKIP LOCKED
        ) AS next ON true
    ), due AS (
        INSERT INTO deliveries AS d (id, tenant_id, event_id, endpoint_id, state, next_attempt_at)
        SELECT next, tenant_id, event_id, endpoint_id, 'scheduled', due_at
        FROM line WHERE next IS NOT NULL
        ON CONFLICT (id) DO UPDATE SET
            state = excluded.state, next_attempt_at = excluded.next_attempt_at
    ), moved AS (
        INSERT INTO ordering_keys (endpoint_id, key, head)
        SELECT endpoint_id, key, next FROM line WHERE next IS NOT NULL
        ON CONFLICT (endpoint_id, key) DO UPDATE SET head = excluded.head
    ), emptied AS (
        DELETE FROM ordering_keys WHERE ctid = ANY (ARRAY(
            SELECT k.ctid FROM line
            CROSS JOIN LATERAL (
                SELECT ctid FROM ordering_keys
                WHERE endpoint_id = line.endpoint_id AND key = line.key LIMIT 1
            ) AS k
            WHERE line.is_empty
        ))
    )
    SELECT count(*) FROM line WHERE next IS NOT NULL OR is_empty"
);

/// The keys of deliveries that have one, whichever their heads are.
pub(super) const PLACES: &str = "
    SELECT d.endpoint_id, d.ordering_key AS key, k.head AS id
    FROM unnest($1::uuid[]) AS done (id)
    CROSS JOIN LATERAL (
        SELECT * FROM deliveries WHERE id = done.id AND ordering_key IS NOT NULL LIMIT 1
    ) AS d
    CROSS JOIN LATERAL (
        SELECT head FROM ordering_keys
        WHERE endpoint_id = d.endpoint_id AND key = d.ordering_key LIMIT 1
    ) AS k";

/// Some keys from a place on, and whether their heads are done with.
pub(super) const LOOK: &str = concat!(
    "
    SELECT k.endpoint_id, k.key, k.head AS id, ",
    is_over!(),
    " AS is_over
    FROM (SELECT * FROM ordering_keys WHERE (endpoint_id, key) > ($1, $2)
          ORDER BY endpoint_id, key LIMIT $3) AS k
    LEFT JOIN LATERAL (SELECT * FROM endpoints WHERE id = k.endpoint_id LIMIT 1) AS e ON true
    LEFT JOIN LATERAL (SELECT * FROM deliveries WHERE id = k.head LIMIT 1) AS h ON true
    ORDER BY k.endpoint_id, k.key"
);

/// Moves on from deliveries that this transaction finished. Gives how many keys it moved.
pub(super) async fn advance(
    txn: &mut PgConnection,
    done: impl IntoIterator<Item = Done>,
) -> Result<u64, StoreError> {
    // Sorted: the order in which everybody locks keys.
    let done: BTreeSet<Done> = done.into_iter().collect();
    if done.is_empty() {
        return Ok(0);
    }
    let (endpoints, keys, ids) = columns(&done);
    let lock = sqlx::query_as(LOCK).bind(endpoints).bind(keys).bind(ids);
    let locked: Vec<Done> = lock.fetch_all(&mut *txn).await.or_store_error()?;
    if locked.is_empty() {
        return Ok(0);
    }
    let (endpoints, keys, ids) = columns(&locked);
    let advance = sqlx::query_scalar(ADVANCE).bind(endpoints).bind(keys).bind(ids);
    let advance = advance.bind(DeliveryState::Waiting.as_str());
    let moved: i64 = advance.fetch_one(txn).await.or_store_error()?;
    Ok(u64::try_from(moved).unwrap_or_default())
}

/// The same for whoever knows no more than which deliveries it finished, if any of them is ordered. Also
/// for those that were not the heads of their keys: a key may have stayed behind since they were held.
pub(super) async fn advance_after(txn: &mut PgConnection, ids: &[Uuid]) -> Result<u64, StoreError> {
    let places = sqlx::query_as(PLACES).bind(ids);
    let done: Vec<Done> = places.fetch_all(&mut *txn).await.or_store_error()?;
    advance(txn, done).await
}

/// Catches up with what changed without a call of `advance`: looks at no more than `limit` keys.
pub(super) async fn follow(store: &PgStore, limit: u32) -> Result<Followed, StoreError> {
    let from = store.ordering.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let look = sqlx::query_as(LOOK).bind(from.endpoint_id).bind(from.key).bind(i64::from(limit));
    let seen: Vec<Seen> = look.fetch_all(&store.hot).await.or_store_error()?;
    let next: Position = after(&seen, limit);
    *store.ordering.lock().unwrap_or_else(PoisonError::into_inner) = next;

    let over: Vec<Done> = seen.into_iter().filter(|one| one.is_over).map(|one| one.head).collect();
    if over.is_empty() {
        return Ok(Followed::default());
    }
    let mut txn = store.hot.begin().await.or_store_error()?;
    let moved = advance(&mut txn, over).await?;
    txn.commit().await.or_store_error()?;
    Ok(Followed { moved, has_more: moved >= u64::from(limit) })
}

fn columns<'a>(done: impl IntoIterator<Item = &'a Done>) -> (Vec<Uuid>, Vec<&'a str>, Vec<Uuid>) {
    let mut columns = (Vec::new(), Vec::new(), Vec::new());
    for one in done {
        columns.0.push(one.endpoint_id);
        columns.1.push(one.key.as_str());
        columns.2.push(one.id);
    }
    columns
}

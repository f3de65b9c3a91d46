//! Order by key: moves on from heads that are done with. In the transaction of whoever finished them,
//! in which nothing changes between looking and writing.

use super::SqliteStore;
use super::batch::json;
use super::error::StoreResultExt as _;
use super::writer::WriteTxn;
use crate::error::StoreError;
use crate::follow::Followed;
use crate::ordering::{Done, Position, Seen, after, is_over};
use sqlx::FromRow;
use std::sync::PoisonError;
use uuid::Uuid;

/// The keys that some deliveries are the heads of and are done with, and the next one of each.
pub(super) const NEXT: &str = concat!(
    "
    SELECT k.endpoint_id, k.key,
           (SELECT n.id FROM deliveries n
            WHERE n.endpoint_id = k.endpoint_id AND n.ordering_key = k.key AND n.state = 'waiting'
            ORDER BY n.sequence LIMIT 1) AS next,
           h.dead_reason IS 'expired' AS has_expired
    FROM json_each(?1) AS done
    CROSS JOIN ordering_keys k ON k.endpoint_id = unhex(done.value ->> 'endpoint_id', '-')
        AND k.key = done.value ->> 'key' AND k.head = unhex(done.value ->> 'id', '-')
    LEFT JOIN endpoints e ON e.id = k.endpoint_id
    LEFT JOIN deliveries h ON h.id = k.head
    WHERE ",
    is_over!()
);

/// What comes after one that was held for too long is due since it was accepted: it has waited for as
/// long.
pub(super) const DUE: &str = "
    UPDATE deliveries SET state = 'scheduled',
                          next_attempt_at = iif(found.has_expired, created_at, ?2)
    FROM (SELECT unhex(value ->> 'next', '-') AS next, value ->> 'has_expired' AS has_expired
          FROM json_each(?1)) AS found
    WHERE id = found.next AND state = 'waiting'";

pub(super) const MOVE: &str = "
    INSERT INTO ordering_keys (endpoint_id, key, head)
    SELECT unhex(value ->> 'endpoint_id', '-'), value ->> 'key', unhex(value ->> 'next', '-')
    FROM json_each(?1) WHERE value ->> 'next' IS NOT NULL
    ON CONFLICT (endpoint_id, key) DO UPDATE SET head = excluded.head";

pub(super) const EMPTY: &str = "
    DELETE FROM ordering_keys WHERE (endpoint_id, key) IN (
        SELECT unhex(value ->> 'endpoint_id', '-'), value ->> 'key' FROM json_each(?1)
        WHERE value ->> 'next' IS NULL)";

pub(super) const PLACES: &str = "
    SELECT d.endpoint_id, d.ordering_key AS key, d.id
    FROM json_each(?1) AS done CROSS JOIN deliveries d ON d.id = unhex(done.value, '-')
    WHERE d.ordering_key IS NOT NULL";

/// Some keys from a place on, and whether their heads are done with.
pub(super) const LOOK: &str = concat!(
    "
    SELECT k.endpoint_id, k.key, k.head AS id, ",
    is_over!(),
    " AS is_over
    FROM ordering_keys k
    LEFT JOIN endpoints e ON e.id = k.endpoint_id
    LEFT JOIN deliveries h ON h.id = k.head
    WHERE (k.endpoint_id, k.key) > (?1, ?2)
    ORDER BY k.endpoint_id, k.key LIMIT ?3"
);

#[derive(FromRow, serde::Serialize)]
struct NextRow {
    endpoint_id: Uuid,
    key: String,
    next: Option<Uuid>,
    has_expired: bool,
}

/// Moves on from deliveries that this transaction finished. Gives how many keys it moved.
pub(super) async fn advance(
    txn: &mut WriteTxn,
    done: impl IntoIterator<Item = Done>,
) -> Result<u64, StoreError> {
    let done: Vec<Done> = done.into_iter().collect();
    if done.is_empty() {
        return Ok(0);
    }
    let next = sqlx::query_as(NEXT).bind(json(&done)?);
    let next: Vec<NextRow> = next.fetch_all(txn.connection()).await.or_store_error()?;
    let (rows, now) = (json(&next)?, txn.now());
    let due = sqlx::query(DUE).bind(&rows).bind(now);
    due.execute(txn.connection()).await.or_store_error()?;
    for statement in [MOVE, EMPTY] {
        let write = sqlx::query(statement).bind(&rows);
        write.execute(txn.connection()).await.or_store_error()?;
    }
    Ok(next.len() as u64)
}

/// The same for whoever knows no more than which deliveries it finished, if any of them is ordered.
pub(super) async fn advance_after(txn: &mut WriteTxn, ids: &[Uuid]) -> Result<u64, StoreError> {
    let places = sqlx::query_as(PLACES).bind(json(ids)?);
    let done: Vec<Done> = places.fetch_all(txn.connection()).await.or_store_error()?;
    advance(txn, done).await
}

/// Catches up with what changed without a call of `advance`: looks at no more than `limit` keys.
pub(super) async fn follow(
    store: &SqliteStore,
    txn: &mut WriteTxn,
    limit: u32,
) -> Result<Followed, StoreError> {
    let from = store.ordering.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let look = sqlx::query_as(LOOK).bind(from.endpoint_id).bind(from.key).bind(limit);
    let seen: Vec<Seen> = look.fetch_all(txn.connection()).await.or_store_error()?;
    let next: Position = after(&seen, limit);
    *store.ordering.lock().unwrap_or_else(PoisonError::into_inner) = next;
    let over = seen.into_iter().filter(|one| one.is_over).map(|one| one.head);
    let moved = advance(txn, over).await?;
    Ok(Followed { moved, has_more: moved >= u64::from(limit) })
}

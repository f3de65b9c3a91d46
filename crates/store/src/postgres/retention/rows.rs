//! A tenant's rows that are too old: events with their deliveries and attempts, and keys.
//!
//! An event is locked before its deliveries are looked at. Whoever makes a delivery of an event later
//! than at its acceptance locks it as well, and a delivery that is replayed meanwhile is either seen to be
//! due or waits until it is gone.

use super::turn::Turn;
use crate::error::StoreError;
use crate::postgres::error::StoreResultExt as _;
use crate::retention::{Chosen, Going, OldDelivery, Removed, StepSize};
use sqlx::PgConnection;
use uuid::Uuid;

/// A delivery's id carries its event's millisecond, by which its partition is found.
pub(in crate::postgres) const CHOOSE: &str = "
    SELECT s.id, n.deliveries
    FROM (
        SELECT id FROM events WHERE tenant_id = $1 AND id > $2 AND id < $3 ORDER BY id LIMIT $4
    ) AS s
    CROSS JOIN LATERAL (
        SELECT count(*) AS deliveries FROM deliveries d
        WHERE d.event_id = s.id
          AND d.id >= (left(s.id::text, 13) || '-0000-0000-000000000000')::uuid
          AND d.id <= (left(s.id::text, 13) || '-ffff-ffff-ffffffffffff')::uuid
    ) AS n
    ORDER BY s.id";

/// Events that somebody else holds are left for the next time round.
pub(in crate::postgres) const LOCK: &str = "
    SELECT e.id FROM unnest($1::uuid[]) AS given (id)
    CROSS JOIN LATERAL (
        SELECT id FROM events WHERE id = given.id FOR UPDATE SKIP LOCKED
    ) AS e";

/// Locked in the order of their ids, as by every batch. None is made of an event that is locked.
pub(in crate::postgres) const DELIVERIES: &str = "
    WITH found AS MATERIALIZED (
        SELECT d.id FROM unnest($1::uuid[]) AS given (id)
        CROSS JOIN LATERAL (
            SELECT id FROM deliveries
            WHERE event_id = given.id
              AND id >= (left(given.id::text, 13) || '-0000-0000-000000000000')::uuid
              AND id <= (left(given.id::text, 13) || '-ffff-ffff-ffffffffffff')::uuid
            OFFSET 0
        ) AS d
        ORDER BY d.id
    )
    SELECT d.id, d.event_id, d.state IN ('delivered', 'dead') AS is_finished
    FROM found
    CROSS JOIN LATERAL (
        SELECT id, event_id, state FROM deliveries WHERE id = found.id FOR UPDATE
    ) AS d";

/// The partitions are found by the first and the last of the ids.
pub(in crate::postgres) const REMOVE_ATTEMPTS: &str = "
    DELETE FROM attempts
    WHERE delivery_id = ANY ($1) AND delivery_id >= $2 AND delivery_id <= $3";

pub(in crate::postgres) const REMOVE_DELIVERIES: &str =
    "DELETE FROM deliveries WHERE id = ANY ($1) AND id >= $2 AND id <= $3";

pub(in crate::postgres) const REMOVE_EVENTS: &str =
    "DELETE FROM events WHERE id = ANY ($1) AND id >= $2 AND id <= $3";

/// A key stays as long as its event. Locked rows can be deleted by where they are, which leaves the
/// planner no choice.
pub(in crate::postgres) const REMOVE_KEYS: &str = "
    WITH old AS MATERIALIZED (
        SELECT ctid, event_id, created_at FROM idempotency_keys
        WHERE tenant_id = $1 AND event_id > $2 AND event_id < $3 ORDER BY event_id LIMIT $4
        FOR UPDATE
    ), removed AS (
        DELETE FROM idempotency_keys WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM old
            WHERE created_at < $5
              AND (SELECT true FROM events e WHERE e.id = old.event_id) IS NULL
        ))
        RETURNING key
    )
    SELECT (SELECT count(*) FROM removed), (SELECT count(*) FROM old),
           (SELECT event_id FROM old ORDER BY event_id DESC LIMIT 1)";

/// Where a step came to.
pub(super) struct Position {
    pub(super) position: Option<Uuid>,
    pub(super) is_last: bool,
}

pub(super) async fn remove_events(
    txn: &mut PgConnection,
    turn: &Turn,
    size: StepSize,
) -> Result<(Removed, Position), StoreError> {
    let found = sqlx::query_as(CHOOSE)
        .bind(&turn.tenant_id)
        .bind(turn.events_after)
        .bind(turn.events_before)
        .bind(i64::from(size.rows))
        .fetch_all(&mut *txn)
        .await
        .or_store_error()?;
    let Chosen { events, position, is_last } = Chosen::among(found, size);
    let removed = if events.is_empty() { Removed::default() } else { remove(txn, events).await? };
    Ok((removed, Position { position, is_last }))
}

async fn remove(txn: &mut PgConnection, events: Vec<Uuid>) -> Result<Removed, StoreError> {
    let locked = sqlx::query_scalar(LOCK).bind(events).fetch_all(&mut *txn);
    let locked: Vec<Uuid> = locked.await.or_store_error()?;
    let deliveries = sqlx::query_as(DELIVERIES).bind(&locked).fetch_all(&mut *txn);
    let deliveries: Vec<OldDelivery> = deliveries.await.or_store_error()?;
    let Going { events, deliveries } = Going::of(locked, &deliveries);
    Ok(Removed {
        attempts: delete(txn, REMOVE_ATTEMPTS, &deliveries).await?,
        deliveries: delete(txn, REMOVE_DELIVERIES, &deliveries).await?,
        events: delete(txn, REMOVE_EVENTS, &events).await?,
        keys: 0,
    })
}

async fn delete(
    txn: &mut PgConnection,
    statement: &'static str,
    ids: &[Uuid],
) -> Result<u64, StoreError> {
    let (Some(first), Some(last)) = (ids.iter().min(), ids.iter().max()) else {
        return Ok(0);
    };
    let delete = sqlx::query(statement).bind(ids).bind(first).bind(last);
    Ok(delete.execute(txn).await.or_store_error()?.rows_affected())
}

/// Gives how many were removed.
pub(super) async fn remove_keys(
    txn: &mut PgConnection,
    turn: &Turn,
    size: StepSize,
) -> Result<(u64, Position), StoreError> {
    let (removed, seen, position): (i64, i64, Option<Uuid>) = sqlx::query_as(REMOVE_KEYS)
        .bind(&turn.tenant_id)
        .bind(turn.keys_after)
        .bind(turn.keys_before)
        .bind(i64::from(size.rows))
        .bind(turn.keys_since)
        .fetch_one(txn)
        .await
        .or_store_error()?;
    let is_last = seen < i64::from(size.rows);
    Ok((u64::try_from(removed).unwrap_or_default(), Position { position, is_last }))
}

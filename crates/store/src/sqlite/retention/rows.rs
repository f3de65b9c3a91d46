//! A tenant's rows that are too old: events with their deliveries and attempts, and keys.

use super::turn::Turn;
use crate::error::StoreError;
use crate::retention::{Chosen, Going, OldDelivery, Removed, StepSize};
use crate::sqlite::batch::json;
use crate::sqlite::error::StoreResultExt as _;
use crate::sqlite::writer::WriteTxn;
use uuid::Uuid;

pub(in crate::sqlite) const CHOOSE: &str = "
    SELECT s.id, (SELECT count(*) FROM deliveries d WHERE d.event_id = s.id)
    FROM (
        SELECT id FROM events WHERE tenant_id = ?1 AND id > ?2 AND id < ?3 ORDER BY id LIMIT ?4
    ) AS s
    ORDER BY s.id";

pub(in crate::sqlite) const DELIVERIES: &str = "
    WITH given AS MATERIALIZED (SELECT unhex(value, '-') AS given_id FROM json_each(?1))
    SELECT d.id, d.event_id, d.state IN ('delivered', 'dead') AS is_finished
    FROM given CROSS JOIN deliveries d ON d.event_id = given.given_id";

pub(in crate::sqlite) const REMOVE_ATTEMPTS: &str =
    "DELETE FROM attempts WHERE delivery_id IN (SELECT unhex(value, '-') FROM json_each(?1))";

pub(in crate::sqlite) const REMOVE_DELIVERIES: &str =
    "DELETE FROM deliveries WHERE id IN (SELECT unhex(value, '-') FROM json_each(?1))";

pub(in crate::sqlite) const REMOVE_EVENTS: &str =
    "DELETE FROM events WHERE id IN (SELECT unhex(value, '-') FROM json_each(?1))";

/// Those that are too old, and whether they can go: a key stays as long as its event.
pub(in crate::sqlite) const KEYS: &str = "
    SELECT kind, key, event_id,
           created_at < ?5 AND NOT EXISTS (SELECT 1 FROM events e WHERE e.id = k.event_id)
    FROM idempotency_keys k
    WHERE tenant_id = ?1 AND event_id > ?2 AND event_id < ?3 ORDER BY event_id LIMIT ?4";

pub(in crate::sqlite) const REMOVE_KEYS: &str = "
    DELETE FROM idempotency_keys
    WHERE (tenant_id, kind, key) IN (SELECT ?2, value ->> 0, value ->> 1 FROM json_each(?1))";

/// Where a step came to.
pub(super) struct Position {
    pub(super) position: Option<Uuid>,
    pub(super) is_last: bool,
}

pub(super) async fn remove_events(
    txn: &mut WriteTxn,
    turn: &Turn,
    size: StepSize,
) -> Result<(Removed, Position), StoreError> {
    let found = sqlx::query_as(CHOOSE)
        .bind(&turn.tenant_id)
        .bind(turn.events_after)
        .bind(turn.events_before)
        .bind(size.rows)
        .fetch_all(txn.connection())
        .await
        .or_store_error()?;
    let Chosen { events, position, is_last } = Chosen::among(found, size);
    let removed = if events.is_empty() { Removed::default() } else { remove(txn, events).await? };
    Ok((removed, Position { position, is_last }))
}

async fn remove(txn: &mut WriteTxn, events: Vec<Uuid>) -> Result<Removed, StoreError> {
    let deliveries = sqlx::query_as(DELIVERIES).bind(json(&events)?).fetch_all(txn.connection());
    let deliveries: Vec<OldDelivery> = deliveries.await.or_store_error()?;
    let Going { events, deliveries } = Going::of(events, &deliveries);
    Ok(Removed {
        attempts: delete(txn, REMOVE_ATTEMPTS, &deliveries).await?,
        deliveries: delete(txn, REMOVE_DELIVERIES, &deliveries).await?,
        events: delete(txn, REMOVE_EVENTS, &events).await?,
        keys: 0,
    })
}

async fn delete(
    txn: &mut WriteTxn,
    statement: &'static str,
    ids: &[Uuid],
) -> Result<u64, StoreError> {
    let delete = sqlx::query(statement).bind(json(ids)?);
    Ok(delete.execute(txn.connection()).await.or_store_error()?.rows_affected())
}

/// Gives how many were removed.
pub(super) async fn remove_keys(
    txn: &mut WriteTxn,
    turn: &Turn,
    size: StepSize,
) -> Result<(u64, Position), StoreError> {
    let found = sqlx::query_as(KEYS)
        .bind(&turn.tenant_id)
        .bind(turn.keys_after)
        .bind(turn.keys_before)
        .bind(size.rows)
        .bind(turn.keys_since)
        .fetch_all(txn.connection());
    let found: Vec<(String, String, Uuid, bool)> = found.await.or_store_error()?;
    let going = found.iter().filter(|(_, _, _, goes)| *goes);
    let going: Vec<(&str, &str)> =
        going.map(|(kind, key, ..)| (kind.as_str(), key.as_str())).collect();
    let remove = sqlx::query(REMOVE_KEYS).bind(json(&going)?).bind(&turn.tenant_id);
    let removed = remove.execute(txn.connection()).await.or_store_error()?.rows_affected();
    let position = found.last().map(|(_, _, event, _)| *event);
    Ok((removed, Position { position, is_last: found.len() < size.rows as usize }))
}

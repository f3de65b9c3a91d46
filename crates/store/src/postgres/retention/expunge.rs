//! Expunge: an event's payload and what its attempts were answered with are gone at once.

use crate::error::StoreError;
use crate::postgres::error::StoreResultExt as _;
use crate::postgres::{PgStore, log, ordering, statistics};
use crate::retention::Expunged;
use postrider_common::id::{DeliveryId, EventId};
use postrider_common::tenant::TenantScope;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

/// Whoever makes a delivery of it due again locks it as well.
const LOCK: &str = "SELECT true FROM events WHERE id = $1 AND tenant_id = $2 FOR UPDATE";

/// No token stays, lest a late success bring back what was answered.
const CANCEL: &str = concat!(
    "
    WITH found AS MATERIALIZED (
        SELECT id, endpoint_id, state, test FROM deliveries
        WHERE event_id = $1 AND id >= $2 AND id <= $3 ORDER BY id FOR UPDATE
    ), cancelled AS (
        UPDATE deliveries d SET state = 'dead', dead_reason = 'cancelled', finished_at = now(),
               next_attempt_at = NULL, queued_at = NULL, lease_token = NULL
        FROM found
        WHERE d.id = found.id AND d.id >= $2 AND d.id <= $3
          AND found.state NOT IN ('in_flight', 'delivered', 'dead')
    ), counted AS (
        SELECT endpoint_id, 0 AS attempted, count(*) AS dead, NULL::timestamptz AS last_attempt_at
        FROM found WHERE state NOT IN ('in_flight', 'delivered', 'dead') AND NOT test GROUP BY endpoint_id
    ), added AS (",
    statistics::add!(),
    ")
    SELECT id, state = 'in_flight' AS is_in_flight FROM found"
);

#[derive(FromRow)]
struct Found {
    id: Uuid,
    is_in_flight: bool,
}

const FORGET_TOKENS: &str =
    "UPDATE deliveries SET lease_token = NULL WHERE id = ANY ($1) AND lease_token IS NOT NULL";

const EMPTY_ANSWERS: &str = "
    UPDATE attempts SET response_body = ''
    WHERE delivery_id = ANY ($1) AND response_body IS NOT NULL";

const EMPTY: &str = "
    UPDATE events SET payload = '', expunged_at = coalesce(expunged_at, now()) WHERE id = $1";

pub(super) async fn expunge(
    store: &PgStore,
    scope: &TenantScope,
    id: &str,
) -> Result<Expunged, StoreError> {
    let Some(event) = log::resolve_event(store, scope, id).await? else {
        return Ok(Expunged::Unknown);
    };
    let mut txn = store.log.begin().await.or_store_error()?;
    let lock = sqlx::query_scalar(LOCK).bind(event.as_uuid()).bind(scope.tenant().as_str());
    let found: Option<bool> = lock.fetch_optional(&mut *txn).await.or_store_error()?;
    if found.is_none() {
        return Ok(Expunged::Unknown);
    }
    let deliveries = cancel(&mut txn, event).await?;
    let (in_flight, finished): (Vec<Found>, Vec<Found>) =
        deliveries.into_iter().partition(|found| found.is_in_flight);
    let ids: Vec<Uuid> = finished.iter().map(|one| one.id).collect();
    ordering::advance_after(&mut txn, &ids).await?;
    let expunged = if in_flight.is_empty() {
        empty(&mut txn, event, &ids).await?;
        Expunged::Expunged
    } else {
        Expunged::InFlight(u32::try_from(in_flight.len()).unwrap_or(u32::MAX))
    };
    txn.commit().await.or_store_error()?;
    Ok(expunged)
}

/// Gives all deliveries; those that are not being sent are finished by now.
async fn cancel(txn: &mut PgConnection, event: EventId) -> Result<Vec<Found>, StoreError> {
    let (first, last) = DeliveryId::range_for(event);
    let cancel = sqlx::query_as(CANCEL).bind(event.as_uuid());
    let cancel = cancel.bind(first.as_uuid()).bind(last.as_uuid());
    cancel.fetch_all(txn).await.or_store_error()
}

async fn empty(
    txn: &mut PgConnection,
    event: EventId,
    deliveries: &[Uuid],
) -> Result<(), StoreError> {
    for statement in [FORGET_TOKENS, EMPTY_ANSWERS] {
        sqlx::query(statement).bind(deliveries).execute(&mut *txn).await.or_store_error()?;
    }
    sqlx::query(EMPTY).bind(event.as_uuid()).execute(txn).await.or_store_error()?;
    Ok(())
}

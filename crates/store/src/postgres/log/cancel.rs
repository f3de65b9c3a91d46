//! Cancel: deliveries that wait are dead, and nothing is sent of them.
//!
//! What is found locked is waited for: a claim that has it makes it `in_flight`, and then it is too late.
//! An event is marked as well: what makes deliveries of it later locks it, and makes none.

use super::events;
use crate::error::StoreError;
use crate::log::{Cancelled, EventCancelled};
use crate::postgres::error::StoreResultExt as _;
use crate::postgres::{PgStore, ordering, statistics};
use postrider_common::delivery::DeliveryState;
use postrider_common::id::DeliveryId;
use postrider_common::tenant::TenantScope;
use sqlx::postgres::PgArguments;
use sqlx::query::QueryAs;
use sqlx::{PgConnection, Postgres};
use uuid::Uuid;

/// Cancels those of the tenant `$1` that a condition finds, and gives the states that all of them were
/// found in. Locks are taken in the order of ids, as by every batch.
macro_rules! cancel {
    ($condition:literal) => {
        concat!(
            "
    WITH found AS MATERIALIZED (
        SELECT * FROM deliveries WHERE tenant_id = $1 AND ",
            $condition,
            "
        ORDER BY id FOR UPDATE
    ), cancelled AS MATERIALIZED (
        SELECT * FROM found WHERE state NOT IN ('in_flight', 'delivered', 'dead')
    ), written AS (
        INSERT INTO deliveries AS d (id, tenant_id, event_id, endpoint_id, state, dead_reason,
                                     finished_at)
        SELECT id, tenant_id, event_id, endpoint_id, 'dead', 'cancelled', now() FROM cancelled
        ON CONFLICT (id) DO UPDATE SET
            state = excluded.state, dead_reason = excluded.dead_reason,
            finished_at = excluded.finished_at, next_attempt_at = NULL, queued_at = NULL
    ), counted AS (
        SELECT endpoint_id, 0 AS attempted, count(*) AS dead, NULL::timestamptz AS last_attempt_at
        FROM cancelled WHERE NOT test GROUP BY endpoint_id
    ), added AS (",
            statistics::add!(),
            ")
    SELECT id, state FROM found"
        )
    };
}

const ONE: &str = cancel!("id = $2");

/// The range of ids is that of the event's deliveries, which keeps to their partition.
const OF_EVENT: &str = cancel!("event_id = $2 AND id BETWEEN $3 AND $4");

const MARK: &str = "
    UPDATE events SET cancelled_at = coalesce(cancelled_at, now()) WHERE id = $1 AND tenant_id = $2";

pub(super) async fn delivery(
    store: &PgStore,
    scope: &TenantScope,
    id: DeliveryId,
) -> Result<Cancelled, StoreError> {
    let cancel = sqlx::query_as(ONE).bind(scope.tenant().as_str()).bind(id.as_uuid());
    let mut txn = store.log.begin().await.or_store_error()?;
    let found = run(&mut txn, cancel).await?;
    txn.commit().await.or_store_error()?;
    Ok(match found.first() {
        None => Cancelled::Unknown,
        Some(state) if state.is_unsent() => Cancelled::Cancelled,
        Some(state) => Cancelled::TooLate(*state),
    })
}

pub(super) async fn event(
    store: &PgStore,
    scope: &TenantScope,
    id: &str,
) -> Result<Option<EventCancelled>, StoreError> {
    let Some(event) = events::resolve(store, scope, id).await? else {
        return Ok(None);
    };
    let mut txn = store.log.begin().await.or_store_error()?;
    let mark = sqlx::query(MARK).bind(event.as_uuid()).bind(scope.tenant().as_str());
    if mark.execute(&mut *txn).await.or_store_error()?.rows_affected() == 0 {
        return Ok(None);
    }
    let (first, last) = DeliveryId::range_for(event);
    let cancel = sqlx::query_as(OF_EVENT)
        .bind(scope.tenant().as_str())
        .bind(event.as_uuid())
        .bind(first.as_uuid())
        .bind(last.as_uuid());
    let found = run(&mut txn, cancel).await?;
    txn.commit().await.or_store_error()?;
    Ok(Some(EventCancelled::of(&found)))
}

/// Cancels, and lets those go on that waited for what is cancelled. Gives the states that were found.
async fn run(
    txn: &mut PgConnection,
    cancel: QueryAs<'_, Postgres, (Uuid, String), PgArguments>,
) -> Result<Vec<DeliveryState>, StoreError> {
    let found = cancel.fetch_all(&mut *txn).await.or_store_error()?;
    let (ids, states): (Vec<Uuid>, Vec<String>) = found.into_iter().unzip();
    ordering::advance_after(txn, &ids).await?;
    states.iter().map(|name| state(name)).collect()
}

fn state(name: &str) -> Result<DeliveryState, StoreError> {
    DeliveryState::from_name(name).ok_or(StoreError::Unreadable { what: "delivery state" })
}

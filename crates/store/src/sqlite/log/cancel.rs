//! Cancel: deliveries that wait are dead, and nothing is sent of them. An event is marked as well, so that
//! nothing makes deliveries of it later.

use super::events;
use crate::error::StoreError;
use crate::log::{Cancelled, EventCancelled};
use crate::sqlite::SqliteStore;
use crate::sqlite::batch::json;
use crate::sqlite::error::StoreResultExt as _;
use crate::sqlite::ordering;
use crate::sqlite::statistics::{self, Recorded};
use crate::sqlite::writer::WriteTxn;
use postrider_common::delivery::DeliveryState;
use postrider_common::id::DeliveryId;
use postrider_common::tenant::TenantScope;
use uuid::Uuid;

const FIND_ONE: &str = "SELECT id, state FROM deliveries WHERE id = ?2 AND tenant_id = ?1";

const FIND_OF_EVENT: &str =
    "SELECT id, state FROM deliveries WHERE event_id = ?2 AND tenant_id = ?1";

const CANCEL: &str = "
    UPDATE deliveries SET state = 'dead', dead_reason = 'cancelled', finished_at = ?2,
           next_attempt_at = NULL, queued_at = NULL
    WHERE id IN (SELECT unhex(value, '-') FROM json_each(?1))";

const MARK: &str = "
    UPDATE events SET cancelled_at = coalesce(cancelled_at, ?3) WHERE id = ?1 AND tenant_id = ?2";

pub(super) async fn delivery(
    store: &SqliteStore,
    scope: &TenantScope,
    id: DeliveryId,
) -> Result<Cancelled, StoreError> {
    let mut txn = store.writer.begin().await?;
    let found = cancel(&mut txn, FIND_ONE, scope, id.as_uuid()).await?;
    txn.commit().await?;
    Ok(match found.first() {
        None => Cancelled::Unknown,
        Some(state) if state.is_unsent() => Cancelled::Cancelled,
        Some(state) => Cancelled::TooLate(*state),
    })
}

pub(super) async fn event(
    store: &SqliteStore,
    scope: &TenantScope,
    id: &str,
) -> Result<Option<EventCancelled>, StoreError> {
    let Some(event) = events::resolve(store, scope, id).await? else {
        return Ok(None);
    };
    let mut txn = store.writer.begin().await?;
    let now = txn.now();
    let mark = sqlx::query(MARK).bind(event.as_uuid()).bind(scope.tenant().as_str()).bind(now);
    if mark.execute(txn.connection()).await.or_store_error()?.rows_affected() == 0 {
        return Ok(None);
    }
    let found = cancel(&mut txn, FIND_OF_EVENT, scope, event.as_uuid()).await?;
    txn.commit().await?;
    Ok(Some(EventCancelled::of(&found)))
}

/// Cancels those of the tenant that are found and wait, and gives the states that all of them were found
/// in.
async fn cancel(
    txn: &mut WriteTxn,
    find: &'static str,
    scope: &TenantScope,
    id: Uuid,
) -> Result<Vec<DeliveryState>, StoreError> {
    let find = sqlx::query_as(find).bind(scope.tenant().as_str()).bind(id);
    let found: Vec<(Uuid, String)> = find.fetch_all(txn.connection()).await.or_store_error()?;
    let mut states = Vec::with_capacity(found.len());
    let mut waiting = Vec::new();
    for (id, name) in found {
        let state = DeliveryState::from_name(&name)
            .ok_or(StoreError::Unreadable { what: "delivery state" })?;
        states.push(state);
        waiting.extend(state.is_unsent().then_some(id));
    }
    write(txn, &waiting).await?;
    Ok(states)
}

async fn write(txn: &mut WriteTxn, ids: &[Uuid]) -> Result<(), StoreError> {
    let now = txn.now();
    let cancel = sqlx::query(CANCEL).bind(json(ids)?).bind(now);
    cancel.execute(txn.connection()).await.or_store_error()?;
    statistics::add(txn, ids.iter().copied().map(Recorded::of_an_end)).await?;
    ordering::advance_after(txn, ids).await?;
    Ok(())
}

//! Replay as new: a finished delivery's event is owed once more, by a delivery of its own.

use crate::error::StoreError;
use crate::log::ReplayedAsNew;
use crate::sqlite::SqliteStore;
use crate::sqlite::error::StoreResultExt as _;
use postrider_common::delivery::DeliveryState;
use postrider_common::id::{DeliveryId, EventId};
use postrider_common::tenant::TenantScope;
use uuid::Uuid;

const FIND: &str = "
    SELECT d.event_id, d.state, e.deleted_at IS NOT NULL, ev.expunged_at IS NOT NULL
    FROM deliveries d
    JOIN endpoints e ON e.id = d.endpoint_id
    JOIN events ev ON ev.id = d.event_id
    WHERE d.id = ?1 AND d.tenant_id = ?2";

const COPY: &str = "
    INSERT INTO deliveries (id, tenant_id, event_id, endpoint_id, state, next_attempt_at,
                            contract_version, test, copy, created_at)
    SELECT ?2, d.tenant_id, d.event_id, d.endpoint_id,
           iif(d.test OR e.active AND e.disabled_at IS NULL, 'scheduled', 'held'), ?3,
           d.contract_version, d.test,
           (SELECT max(copy) + 1 FROM deliveries
            WHERE event_id = d.event_id AND endpoint_id = d.endpoint_id), ?3
    FROM deliveries d JOIN endpoints e ON e.id = d.endpoint_id
    WHERE d.id = ?1";

pub(super) async fn replay(
    store: &SqliteStore,
    scope: &TenantScope,
    id: DeliveryId,
) -> Result<ReplayedAsNew, StoreError> {
    let mut txn = store.writer.begin().await?;
    let find = sqlx::query_as(FIND).bind(id.as_uuid()).bind(scope.tenant().as_str());
    let found: Option<(Uuid, String, bool, bool)> =
        find.fetch_optional(txn.connection()).await.or_store_error()?;
    let Some((event, state, deleted, expunged)) = found else {
        return Ok(ReplayedAsNew::Unknown);
    };
    if deleted {
        return Ok(ReplayedAsNew::EndpointDeleted);
    }
    let state = DeliveryState::from_name(&state)
        .ok_or(StoreError::Unreadable { what: "delivery state" })?;
    if !state.is_terminal() {
        return Ok(ReplayedAsNew::NotFinished(state));
    }
    if expunged {
        return Ok(ReplayedAsNew::PayloadExpunged);
    }
    let copy = DeliveryId::generate_for(EventId::from_uuid(event));
    let insert = sqlx::query(COPY).bind(id.as_uuid()).bind(copy.as_uuid()).bind(txn.now());
    insert.execute(txn.connection()).await.or_store_error()?;
    txn.commit().await?;
    Ok(ReplayedAsNew::Made(copy))
}

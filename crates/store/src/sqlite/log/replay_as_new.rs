//! Replay as new: a finished delivery's event is owed once more, by a delivery of its own.

use super::replay::find;
use crate::error::StoreError;
use crate::log::ReplayedAsNew;
use crate::log::again::Found;
use crate::sqlite::SqliteStore;
use crate::sqlite::error::StoreResultExt as _;
use postrider_common::id::DeliveryId;
use postrider_common::tenant::TenantScope;

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
    let Some(found) = find(&mut txn, scope, id).await? else {
        return Ok(ReplayedAsNew::Unknown);
    };
    if let Found::Hindered(hindrance) = found.read()? {
        return Ok(hindrance.into());
    }
    let copy = DeliveryId::generate_for(found.event());
    let insert = sqlx::query(COPY).bind(id.as_uuid()).bind(copy.as_uuid()).bind(txn.now());
    insert.execute(txn.connection()).await.or_store_error()?;
    txn.commit().await?;
    Ok(ReplayedAsNew::Made(copy))
}

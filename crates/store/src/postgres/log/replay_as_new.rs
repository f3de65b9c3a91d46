//! Replay as new: a finished delivery's event is owed once more, by a delivery of its own.

use crate::error::StoreError;
use crate::log::ReplayedAsNew;
use crate::log::again::{Found, FoundRow};
use crate::postgres::PgStore;
use crate::postgres::error::StoreResultExt as _;
use postrider_common::id::DeliveryId;
use postrider_common::tenant::TenantScope;

/// Whoever makes a copy locks the event, so that copies are numbered one after the other.
const FIND: &str = "
    SELECT d.event_id, d.state, e.deleted_at IS NOT NULL AS deleted,
           ev.expunged_at IS NOT NULL AS expunged
    FROM deliveries d
    JOIN endpoints e ON e.id = d.endpoint_id
    JOIN events ev ON ev.id = d.event_id
    WHERE d.id = $1 AND d.tenant_id = $2
    FOR UPDATE OF ev";

/// It sees the copies that were committed while the lock was waited for.
const COPY: &str = "
    INSERT INTO deliveries
        (id, tenant_id, event_id, endpoint_id, state, next_attempt_at, contract_version, test, copy)
    SELECT $2, d.tenant_id, d.event_id, d.endpoint_id,
           CASE WHEN d.test OR e.active AND e.disabled_at IS NULL THEN 'scheduled' ELSE 'held' END,
           now(), d.contract_version, d.test,
           (SELECT max(copy) + 1 FROM deliveries
            WHERE event_id = d.event_id AND endpoint_id = d.endpoint_id)
    FROM deliveries d JOIN endpoints e ON e.id = d.endpoint_id
    WHERE d.id = $1";

pub(super) async fn replay(
    store: &PgStore,
    scope: &TenantScope,
    id: DeliveryId,
) -> Result<ReplayedAsNew, StoreError> {
    let mut txn = store.log.begin().await.or_store_error()?;
    let find = sqlx::query_as(FIND).bind(id.as_uuid()).bind(scope.tenant().as_str());
    let found: Option<FoundRow> = find.fetch_optional(&mut *txn).await.or_store_error()?;
    let Some(found) = found else {
        return Ok(ReplayedAsNew::Unknown);
    };
    if let Found::Hindered(hindrance) = found.read()? {
        return Ok(hindrance.into());
    }
    let copy = DeliveryId::generate_for(found.event());
    let insert = sqlx::query(COPY).bind(id.as_uuid()).bind(copy.as_uuid());
    insert.execute(&mut *txn).await.or_store_error()?;
    txn.commit().await.or_store_error()?;
    Ok(ReplayedAsNew::Made(copy))
}

//! Attempts, as their tenant sees them.

use crate::error::StoreError;
use crate::rows::attempt::AttemptRow;
use crate::sqlite::SqliteStore;
use crate::sqlite::clock::Micros;
use crate::sqlite::error::StoreResultExt as _;
use postrider_common::attempt::Attempt;
use postrider_common::id::DeliveryId;
use postrider_common::tenant::TenantScope;

pub(super) async fn list(
    store: &SqliteStore,
    scope: &TenantScope,
    delivery: DeliveryId,
) -> Result<Vec<Attempt>, StoreError> {
    sqlx::query_as::<_, AttemptRow<Micros>>(
        "SELECT * FROM attempts WHERE delivery_id = ?1 AND tenant_id = ?2 ORDER BY number",
    )
    .bind(delivery.as_uuid())
    .bind(scope.tenant().as_str())
    .fetch_all(&store.readers)
    .await
    .or_store_error()?
    .into_iter()
    .map(Attempt::try_from)
    .collect()
}

//! Attempts, as their tenant sees them.

use crate::error::StoreError;
use crate::postgres::PgStore;
use crate::postgres::error::StoreResultExt as _;
use crate::rows::attempt::AttemptRow;
use postrider_common::attempt::Attempt;
use postrider_common::id::DeliveryId;
use postrider_common::tenant::TenantScope;
use time::OffsetDateTime;

pub(super) async fn list(
    store: &PgStore,
    scope: &TenantScope,
    delivery: DeliveryId,
) -> Result<Vec<Attempt>, StoreError> {
    sqlx::query_as::<_, AttemptRow<OffsetDateTime>>(
        "SELECT * FROM attempts WHERE delivery_id = $1 AND tenant_id = $2 ORDER BY number",
    )
    .bind(delivery.as_uuid())
    .bind(scope.tenant().as_str())
    .fetch_all(&store.log)
    .await
    .or_store_error()?
    .into_iter()
    .map(Attempt::try_from)
    .collect()
}

//! Before an endpoint is changed: its tenant's version is raised and its row found.

use crate::endpoints::EndpointRef;
use crate::error::StoreError;
use crate::sqlite::error::StoreResultExt as _;
use crate::sqlite::writer::WriteTxn;
use postrider_common::tenant::TenantScope;
use uuid::Uuid;

/// Raises the tenant's `endpoints_version`. False when there is no such tenant.
pub(super) async fn tenant(txn: &mut WriteTxn, scope: &TenantScope) -> Result<bool, StoreError> {
    let bumped =
        sqlx::query("UPDATE tenants SET endpoints_version = endpoints_version + 1 WHERE id = ?1")
            .bind(scope.tenant().as_str())
            .execute(txn.connection())
            .await
            .or_store_error()?;
    Ok(bumped.rows_affected() == 1)
}

/// The same, and the id of the one endpoint that is meant: a text may be the id text of one and the
/// UUID of another, and then means the first.
pub(super) async fn endpoint(
    txn: &mut WriteTxn,
    scope: &TenantScope,
    endpoint: &EndpointRef,
) -> Result<Option<Uuid>, StoreError> {
    if !tenant(txn, scope).await? {
        return Ok(None);
    }
    sqlx::query_scalar(
        "SELECT id FROM endpoints
         WHERE tenant_id = ?1 AND (public_id = ?2 OR id = ?3) AND deleted_at IS NULL
         ORDER BY public_id = ?2 DESC LIMIT 1",
    )
    .bind(scope.tenant().as_str())
    .bind(endpoint.text())
    .bind(endpoint.id().map(|id| id.as_uuid()))
    .fetch_optional(txn.connection())
    .await
    .or_store_error()
}

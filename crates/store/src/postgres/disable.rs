//! Disable: switching endpoints off because of what a receiver answered, as part of settling.

use super::breaker;
use super::error::StoreResultExt as _;
use super::operations;
use crate::error::StoreError;
use crate::operations::OperationalKind;
use postrider_common::endpoint::DisableReason;
use postrider_common::tenant::TenantId;
use sqlx::PgConnection;
use uuid::Uuid;

/// Tenants are locked before their endpoints, as by every change of an endpoint, and in the order of
/// their ids, so that two of these cannot deadlock.
const BUMP_TENANTS: &str = "
    WITH owners AS MATERIALIZED (
        SELECT t.id FROM tenants t
        WHERE t.id IN (SELECT e.tenant_id FROM endpoints e
                       WHERE e.id = ANY ($1) AND e.disabled_at IS NULL AND e.deleted_at IS NULL)
        ORDER BY t.id FOR UPDATE
    )
    UPDATE tenants t SET endpoints_version = t.endpoints_version + 1
    FROM owners WHERE t.id = owners.id";

const DISABLE: &str = "
    UPDATE endpoints e SET disabled_at = now(), disabled_reason = given.reason,
           version = e.version + 1, updated_at = now()
    FROM unnest($1::uuid[], $2::text[]) AS given (id, reason)
    WHERE e.id = given.id AND e.disabled_at IS NULL AND e.deleted_at IS NULL
    RETURNING e.id";

/// Switches endpoints off, each for a reason; those that are off or deleted stay as they are.
pub(super) async fn endpoints(
    txn: &mut PgConnection,
    operator: Option<&TenantId>,
    endpoints: Vec<(Uuid, DisableReason)>,
) -> Result<(), StoreError> {
    if endpoints.is_empty() {
        return Ok(());
    }
    let (ids, reasons): (Vec<Uuid>, Vec<&str>) =
        endpoints.into_iter().map(|(id, reason)| (id, reason.as_str())).unzip();
    let bumped = sqlx::query(BUMP_TENANTS).bind(&ids).execute(&mut *txn).await.or_store_error()?;
    if bumped.rows_affected() == 0 {
        return Ok(());
    }
    let disable = sqlx::query_scalar(DISABLE).bind(&ids).bind(reasons);
    let disabled: Vec<Uuid> = disable.fetch_all(&mut *txn).await.or_store_error()?;
    let kind = OperationalKind::EndpointDisabled;
    operations::about_endpoints(txn, operator, &disabled, kind, None).await?;
    breaker::reset(txn, &ids).await
}

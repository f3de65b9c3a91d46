//! Disable: switching endpoints off because of what a receiver answered, as part of settling.

use super::batch::json;
use super::breaker;
use super::error::StoreResultExt as _;
use super::operations;
use super::writer::WriteTxn;
use crate::error::StoreError;
use crate::operations::OperationalKind;
use postrider_common::endpoint::DisableReason;
use postrider_common::tenant::TenantId;
use serde::Serialize;
use uuid::Uuid;

pub(super) const BUMP_TENANTS: &str = "
    UPDATE tenants SET endpoints_version = endpoints_version + 1
    WHERE id IN (SELECT e.tenant_id
                 FROM json_each(?1) AS given
                 CROSS JOIN endpoints e ON e.id = unhex(given.value ->> 'endpoint', '-')
                 WHERE e.disabled_at IS NULL AND e.deleted_at IS NULL)";

pub(super) const DISABLE: &str = "
    UPDATE endpoints SET disabled_at = ?2, disabled_reason = given.reason, version = version + 1,
                         updated_at = ?2
    FROM (SELECT unhex(value ->> 'endpoint', '-') AS endpoint, value ->> 'reason' AS reason
          FROM json_each(?1)) AS given
    WHERE id = given.endpoint AND disabled_at IS NULL AND deleted_at IS NULL
    RETURNING id";

#[derive(Serialize)]
struct Row {
    endpoint: Uuid,
    reason: &'static str,
}

/// Switches endpoints off, each for a reason; those that are off or deleted stay as they are.
pub(super) async fn endpoints(
    txn: &mut WriteTxn,
    operator: Option<&TenantId>,
    endpoints: impl Iterator<Item = (Uuid, DisableReason)>,
) -> Result<(), StoreError> {
    let row = |(endpoint, reason): (Uuid, DisableReason)| Row { endpoint, reason: reason.as_str() };
    let rows: Vec<Row> = endpoints.map(row).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let (given, now) = (json(&rows)?, txn.now());
    let bump = sqlx::query(BUMP_TENANTS).bind(&given);
    bump.execute(txn.connection()).await.or_store_error()?;
    let disable = sqlx::query_scalar(DISABLE).bind(&given).bind(now);
    let disabled: Vec<Uuid> = disable.fetch_all(txn.connection()).await.or_store_error()?;
    let kind = OperationalKind::EndpointDisabled;
    operations::about_endpoints(txn, operator, &disabled, kind, None).await?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.endpoint).collect();
    breaker::reset(txn, &ids).await
}

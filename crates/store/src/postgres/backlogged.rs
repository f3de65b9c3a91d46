//! Backlogged endpoints: what is accepted for them goes out by the feeder, behind what waits.
//!
//! A row comes when more is due than may go, and goes when that is over: never once per delivery. Who
//! writes rows holds no other lock that another writer of rows waits for, and adds them in the order of
//! their ids.

use super::error::StoreResultExt as _;
use crate::error::StoreError;
use postrider_common::id::EndpointId;
use postrider_common::tenant::TenantId;
use sqlx::PgConnection;
use uuid::Uuid;

pub(super) const BEGIN: &str = "
    INSERT INTO endpoint_backlog (endpoint_id, tenant_id)
    SELECT endpoint_id, tenant_id FROM unnest($1::uuid[], $2::text[]) AS new (endpoint_id, tenant_id)
    ON CONFLICT DO NOTHING";

pub(super) const END: &str = "DELETE FROM endpoint_backlog WHERE endpoint_id = ANY ($1)";

/// Notes that these are backlogged, which are in the order of their ids.
pub(super) async fn begin(
    txn: &mut PgConnection,
    endpoints: &[(EndpointId, TenantId)],
) -> Result<(), StoreError> {
    if endpoints.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = endpoints.iter().map(|(id, _)| id.as_uuid()).collect();
    let tenants: Vec<&str> = endpoints.iter().map(|(_, tenant)| tenant.as_str()).collect();
    sqlx::query(BEGIN).bind(ids).bind(tenants).execute(txn).await.or_store_error()?;
    Ok(())
}

/// Notes that these are not any more. After [`begin`], which may wait for others.
pub(super) async fn end(
    txn: &mut PgConnection,
    endpoints: &[EndpointId],
) -> Result<(), StoreError> {
    if endpoints.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = endpoints.iter().map(EndpointId::as_uuid).collect();
    sqlx::query(END).bind(ids).execute(txn).await.or_store_error()?;
    Ok(())
}

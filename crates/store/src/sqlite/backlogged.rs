//! Backlogged endpoints: what is accepted for them goes out by the feeder, behind what waits.
//!
//! A row comes when more is due than may go, and goes when that is over: never once per delivery.

use super::batch::json;
use super::error::StoreResultExt as _;
use super::writer::WriteTxn;
use crate::error::StoreError;
use postrider_common::id::EndpointId;
use postrider_common::tenant::TenantId;
use uuid::Uuid;

pub(super) const BEGIN: &str = "
    INSERT INTO endpoint_backlog (endpoint_id, tenant_id)
    SELECT unhex(value ->> 0, '-'), value ->> 1 FROM json_each(?1) WHERE true
    ON CONFLICT DO NOTHING";

pub(super) const END: &str = "
    DELETE FROM endpoint_backlog
    WHERE endpoint_id IN (SELECT unhex(value, '-') FROM json_each(?1))";

/// Notes that these are backlogged.
pub(super) async fn begin(
    txn: &mut WriteTxn,
    endpoints: &[(EndpointId, TenantId)],
) -> Result<(), StoreError> {
    let named = endpoints.iter().map(|(id, tenant)| (id.as_uuid(), tenant.as_str()));
    begin_named(txn, &named.collect::<Vec<_>>()).await
}

/// The same, by the names that rows have.
pub(super) async fn begin_named(
    txn: &mut WriteTxn,
    endpoints: &[(Uuid, &str)],
) -> Result<(), StoreError> {
    if endpoints.is_empty() {
        return Ok(());
    }
    let begin = sqlx::query(BEGIN).bind(json(endpoints)?);
    begin.execute(txn.connection()).await.or_store_error()?;
    Ok(())
}

/// Notes that these are not any more.
pub(super) async fn end(txn: &mut WriteTxn, endpoints: &[EndpointId]) -> Result<(), StoreError> {
    if endpoints.is_empty() {
        return Ok(());
    }
    let end = sqlx::query(END).bind(json(endpoints)?);
    end.execute(txn.connection()).await.or_store_error()?;
    Ok(())
}

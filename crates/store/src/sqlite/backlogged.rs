//! Backlogged endpoints: what is accepted for them goes out by the feeder, behind what waits.
//!
//! A row comes when more is due than may go, or when an endpoint is on again, and goes when that is over:
//! never once per delivery.

use super::batch::json;
use super::error::StoreResultExt as _;
use super::writer::WriteTxn;
use crate::error::StoreError;
use postrider_common::breaker::RAMP;
use postrider_common::id::EndpointId;
use postrider_common::tenant::TenantId;
use uuid::Uuid;

pub(super) const BEGIN: &str = "
    INSERT INTO endpoint_backlog (endpoint_id, tenant_id)
    SELECT unhex(value ->> 0, '-'), value ->> 1 FROM json_each(?1) WHERE true
    ON CONFLICT DO NOTHING";

pub(super) const BEGIN_OF: &str = "
    INSERT INTO endpoint_backlog (endpoint_id, tenant_id)
    SELECT id, tenant_id FROM endpoints
    WHERE id IN (SELECT unhex(value, '-') FROM json_each(?1))
    ON CONFLICT DO NOTHING";

/// One that comes back by a ramp stays backlogged while that lasts, since the feeder knows it first.
pub(super) const END: &str = "
    DELETE FROM endpoint_backlog
    WHERE endpoint_id IN (SELECT unhex(value, '-') FROM json_each(?1))
      AND (SELECT changed_at > ?2 FROM endpoint_breaker b
           WHERE b.endpoint_id = endpoint_backlog.endpoint_id AND b.state = 'closed') IS NOT TRUE";

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

/// The same of endpoints, as part of putting them on again.
pub(super) async fn begin_of(txn: &mut WriteTxn, endpoints: &[Uuid]) -> Result<(), StoreError> {
    if endpoints.is_empty() {
        return Ok(());
    }
    let begin = sqlx::query(BEGIN_OF).bind(json(endpoints)?);
    begin.execute(txn.connection()).await.or_store_error()?;
    Ok(())
}

/// Notes that these are not any more, but for those that come back by a ramp.
pub(super) async fn end(txn: &mut WriteTxn, endpoints: &[EndpointId]) -> Result<(), StoreError> {
    if endpoints.is_empty() {
        return Ok(());
    }
    let end = sqlx::query(END).bind(json(endpoints)?).bind(txn.now().before(RAMP));
    end.execute(txn.connection()).await.or_store_error()?;
    Ok(())
}

//! Backlogged endpoints: what is accepted for them goes out by the feeder, behind what waits.
//!
//! A row comes when more is due than may go, or when an endpoint is on again, and goes when that is over:
//! never once per delivery. Who writes rows waits for no other lock from then on that another writer of rows
//! may hold, and adds them in the order of their ids.

use super::error::StoreResultExt as _;
use crate::error::StoreError;
use postrider_common::breaker::RAMP;
use postrider_common::id::EndpointId;
use postrider_common::tenant::TenantId;
use sqlx::PgConnection;
use uuid::Uuid;

pub(super) const BEGIN: &str = "
    INSERT INTO endpoint_backlog (endpoint_id, tenant_id)
    SELECT endpoint_id, tenant_id FROM unnest($1::uuid[], $2::text[]) AS new (endpoint_id, tenant_id)
    ON CONFLICT DO NOTHING";

pub(super) const BEGIN_OF: &str = "
    INSERT INTO endpoint_backlog (endpoint_id, tenant_id)
    SELECT e.id, e.tenant_id FROM unnest($1::uuid[]) AS given (id)
    CROSS JOIN LATERAL (SELECT id, tenant_id FROM endpoints WHERE id = given.id LIMIT 1) AS e
    ORDER BY e.id
    ON CONFLICT DO NOTHING";

/// One that comes back by a ramp stays backlogged while that lasts, since the feeder knows it first.
pub(super) const END: &str = "
    DELETE FROM endpoint_backlog l
    WHERE endpoint_id = ANY ($1)
      AND (SELECT changed_at > now() - make_interval(secs => $2) FROM endpoint_breaker b
           WHERE b.endpoint_id = l.endpoint_id AND b.state = 'closed') IS NOT TRUE";

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

/// The same of endpoints in any order, as part of putting them on again.
pub(super) async fn begin_of(txn: &mut PgConnection, endpoints: &[Uuid]) -> Result<(), StoreError> {
    if !endpoints.is_empty() {
        sqlx::query(BEGIN_OF).bind(endpoints).execute(txn).await.or_store_error()?;
    }
    Ok(())
}

/// Notes that these are not any more, but for those that come back by a ramp. After [`begin`], which may wait
/// for others.
pub(super) async fn end(
    txn: &mut PgConnection,
    endpoints: &[EndpointId],
) -> Result<(), StoreError> {
    if endpoints.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = endpoints.iter().map(EndpointId::as_uuid).collect();
    let end = sqlx::query(END).bind(ids).bind(RAMP.as_secs_f64());
    end.execute(txn).await.or_store_error()?;
    Ok(())
}

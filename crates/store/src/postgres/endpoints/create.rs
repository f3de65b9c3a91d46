//! Making an endpoint.

use super::row::{schedule_column, timeout_column};
use super::{lock, read};
use crate::endpoints::{EndpointCreated, EndpointRef, NewEndpoint};
use crate::error::StoreError;
use crate::postgres::PgStore;
use crate::postgres::error::StoreResultExt as _;
use postrider_common::tenant::TenantScope;
use sqlx::PgConnection;

pub(super) async fn create(
    store: &PgStore,
    scope: &TenantScope,
    new: NewEndpoint,
    limit: u32,
) -> Result<EndpointCreated, StoreError> {
    let mut txn = store.log.begin().await.or_store_error()?;
    // The tenant's row is locked until the commit, so that two creates cannot both be the last.
    if !lock::tenant(&mut txn, scope).await? {
        return Ok(EndpointCreated::UnknownTenant);
    }
    let count: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM endpoints WHERE tenant_id = $1 AND deleted_at IS NULL",
    )
    .bind(scope.tenant().as_str())
    .fetch_one(&mut *txn)
    .await
    .or_store_error()?;
    if count >= i64::from(limit) {
        return Ok(EndpointCreated::TooMany { limit });
    }
    let id = EndpointRef::new(new.id.to_string());
    insert(&mut txn, scope, new).await?;
    let endpoint = read::get_with(&mut *txn, scope, &id).await?;
    txn.commit().await.or_store_error()?;
    let endpoint = endpoint.ok_or(StoreError::Unreadable { what: "new endpoint" })?;
    Ok(EndpointCreated::Created(Box::new(endpoint)))
}

async fn insert(
    txn: &mut PgConnection,
    scope: &TenantScope,
    new: NewEndpoint,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO endpoints (id, tenant_id, public_id, url, description, events, secret, active,
                                retry_schedule, timeout_s)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(new.id.as_uuid())
    .bind(scope.tenant().as_str())
    .bind(new.public_id)
    .bind(new.url)
    .bind(new.description)
    .bind(new.events.names())
    .bind(new.secret.as_bytes())
    .bind(new.active)
    .bind(new.retry_schedule.as_ref().map(schedule_column))
    .bind(new.timeout.map(timeout_column))
    .execute(&mut *txn)
    .await
    .or_store_error()?;
    Ok(())
}

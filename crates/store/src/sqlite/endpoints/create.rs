//! Making an endpoint.

use super::row::{list_column, schedule_column, timeout_column};
use super::{bump, read};
use crate::endpoints::{EndpointCreated, EndpointRef, NewEndpoint};
use crate::error::StoreError;
use crate::sqlite::SqliteStore;
use crate::sqlite::error::StoreResultExt as _;
use crate::sqlite::writer::WriteTxn;
use postrider_common::tenant::TenantScope;

pub(super) async fn create(
    store: &SqliteStore,
    scope: &TenantScope,
    new: NewEndpoint,
    limit: u32,
) -> Result<EndpointCreated, StoreError> {
    let mut txn = store.writer.begin().await?;
    if !bump::tenant(&mut txn, scope).await? {
        return Ok(EndpointCreated::UnknownTenant);
    }
    let count: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM endpoints WHERE tenant_id = ?1 AND deleted_at IS NULL",
    )
    .bind(scope.tenant().as_str())
    .fetch_one(txn.connection())
    .await
    .or_store_error()?;
    if count >= i64::from(limit) {
        return Ok(EndpointCreated::TooMany { limit });
    }
    let id = EndpointRef::new(new.id.to_string());
    insert(&mut txn, scope, new).await?;
    let endpoint = read::get_with(txn.connection(), scope, &id).await?;
    txn.commit().await?;
    let endpoint = endpoint.ok_or(StoreError::Unreadable { what: "new endpoint" })?;
    Ok(EndpointCreated::Created(Box::new(endpoint)))
}

async fn insert(
    txn: &mut WriteTxn,
    scope: &TenantScope,
    new: NewEndpoint,
) -> Result<(), StoreError> {
    let now = txn.now();
    sqlx::query(
        "INSERT INTO endpoints (id, tenant_id, public_id, url, description, events, secret, active,
                                retry_schedule, timeout_s, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11)",
    )
    .bind(new.id.as_uuid())
    .bind(scope.tenant().as_str())
    .bind(new.public_id)
    .bind(new.url)
    .bind(new.description)
    .bind(list_column(&new.events)?)
    .bind(new.secret.as_bytes())
    .bind(new.active)
    .bind(new.retry_schedule.as_ref().map(schedule_column).transpose()?)
    .bind(new.timeout.map(timeout_column))
    .bind(now)
    .execute(txn.connection())
    .await
    .or_store_error()?;
    Ok(())
}

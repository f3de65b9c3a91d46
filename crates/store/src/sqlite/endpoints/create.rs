//! Making an endpoint.

use super::row::push;
use super::{bump, read};
use crate::endpoints::{EndpointCreated, NewEndpoint};
use crate::error::StoreError;
use crate::rows::columns::{self, Value};
use crate::sqlite::SqliteStore;
use crate::sqlite::error::StoreResultExt as _;
use crate::sqlite::writer::WriteTxn;
use postrider_common::tenant::TenantScope;
use sqlx::{QueryBuilder, Sqlite};
use time::OffsetDateTime;

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
    if let Some(endpoint) = read::of_id_text(txn.connection(), scope, &new.public_id).await? {
        return Ok(EndpointCreated::Exists(Box::new(endpoint)));
    }
    if count(&mut txn, scope).await? >= i64::from(limit) {
        return Ok(EndpointCreated::TooMany { limit });
    }
    let public_id = new.public_id.clone();
    insert(&mut txn, scope, new).await?;
    let endpoint = read::of_id_text(txn.connection(), scope, &public_id).await?;
    txn.commit().await?;
    let endpoint = endpoint.ok_or(StoreError::Unreadable { what: "new endpoint" })?;
    Ok(EndpointCreated::Created(Box::new(endpoint)))
}

async fn count(txn: &mut WriteTxn, scope: &TenantScope) -> Result<i64, StoreError> {
    sqlx::query_scalar("SELECT count(*) FROM endpoints WHERE tenant_id = ?1 AND deleted_at IS NULL")
        .bind(scope.tenant().as_str())
        .fetch_one(txn.connection())
        .await
        .or_store_error()
}

async fn insert(
    txn: &mut WriteTxn,
    scope: &TenantScope,
    mut new: NewEndpoint,
) -> Result<(), StoreError> {
    let now = OffsetDateTime::try_from(txn.now())?;
    new.created_at.get_or_insert(now);
    let mut columns = columns::of_new(scope.tenant(), new);
    columns.push(("updated_at", Value::Time(Some(now))));
    let (names, values): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    let mut query = QueryBuilder::<Sqlite>::new("INSERT INTO endpoints (");
    query.push(names.join(", ")).push(") VALUES (");
    for (index, value) in values.into_iter().enumerate() {
        query.push(if index == 0 { "" } else { ", " });
        push(&mut query, value)?;
    }
    query.push(")").build().execute(txn.connection()).await.or_store_error()?;
    Ok(())
}

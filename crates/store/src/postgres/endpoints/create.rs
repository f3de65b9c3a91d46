//! Making an endpoint.

use super::row::push;
use super::{lock, read};
use crate::endpoints::{EndpointCreated, NewEndpoint};
use crate::error::StoreError;
use crate::postgres::PgStore;
use crate::postgres::error::StoreResultExt as _;
use crate::rows::columns;
use postrider_common::tenant::TenantScope;
use sqlx::{PgConnection, Postgres, QueryBuilder};

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
    if let Some(endpoint) = read::of_id_text(&mut txn, scope, &new.public_id).await? {
        return Ok(EndpointCreated::Exists(Box::new(endpoint)));
    }
    if count(&mut txn, scope).await? >= i64::from(limit) {
        return Ok(EndpointCreated::TooMany { limit });
    }
    let public_id = new.public_id.clone();
    insert(&mut txn, scope, new).await?;
    let endpoint = read::of_id_text(&mut txn, scope, &public_id).await?;
    txn.commit().await.or_store_error()?;
    let endpoint = endpoint.ok_or(StoreError::Unreadable { what: "new endpoint" })?;
    Ok(EndpointCreated::Created(Box::new(endpoint)))
}

async fn count(txn: &mut PgConnection, scope: &TenantScope) -> Result<i64, StoreError> {
    sqlx::query_scalar("SELECT count(*) FROM endpoints WHERE tenant_id = $1 AND deleted_at IS NULL")
        .bind(scope.tenant().as_str())
        .fetch_one(txn)
        .await
        .or_store_error()
}

async fn insert(
    txn: &mut PgConnection,
    scope: &TenantScope,
    new: NewEndpoint,
) -> Result<(), StoreError> {
    let (names, values): (Vec<_>, Vec<_>) =
        columns::of_new(scope.tenant(), new).into_iter().unzip();
    let mut query = QueryBuilder::<Postgres>::new("INSERT INTO endpoints (");
    query.push(names.join(", ")).push(") VALUES (");
    for (index, value) in values.into_iter().enumerate() {
        query.push(if index == 0 { "" } else { ", " });
        push(&mut query, value);
    }
    query.push(")").build().execute(txn).await.or_store_error()?;
    Ok(())
}

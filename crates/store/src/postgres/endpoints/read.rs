//! Reading endpoints: one, a page, or those that a dispatcher sends to.

use super::row::EndpointRow;
use crate::endpoints::EndpointRef;
use crate::error::StoreError;
use crate::page::{Page, PageRequest};
use crate::postgres::PgStore;
use crate::postgres::error::StoreResultExt as _;
use postrider_common::endpoint::Endpoint;
use postrider_common::id::EndpointId;
use postrider_common::tenant::TenantScope;
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

pub(super) async fn get(
    store: &PgStore,
    scope: &TenantScope,
    endpoint: &EndpointRef,
) -> Result<Option<Endpoint>, StoreError> {
    get_with(&store.log, scope, endpoint).await
}

/// Reads one endpoint on the given connection, so that a transaction sees its own change.
pub(super) async fn get_with(
    executor: impl PgExecutor<'_>,
    scope: &TenantScope,
    endpoint: &EndpointRef,
) -> Result<Option<Endpoint>, StoreError> {
    sqlx::query_as::<_, EndpointRow>(
        "SELECT e.*, coalesce(e.own_contract, t.contract) AS contract,
                coalesce(e.previous_until > now(), false) AS rotating
         FROM endpoints e JOIN tenants t ON t.id = e.tenant_id
         WHERE e.tenant_id = $1 AND (e.public_id = $2 OR e.id = $3) AND e.deleted_at IS NULL
         ORDER BY (e.public_id = $2) DESC LIMIT 1",
    )
    .bind(scope.tenant().as_str())
    .bind(endpoint.text())
    .bind(endpoint.id().map(|id| id.as_uuid()))
    .fetch_optional(executor)
    .await
    .or_store_error()?
    .map(Endpoint::try_from)
    .transpose()
}

/// The endpoint that bears this id text.
pub(super) async fn of_id_text(
    txn: &mut PgConnection,
    scope: &TenantScope,
    public_id: &str,
) -> Result<Option<Endpoint>, StoreError> {
    sqlx::query_as::<_, EndpointRow>(
        "SELECT e.*, coalesce(e.own_contract, t.contract) AS contract,
                coalesce(e.previous_until > now(), false) AS rotating
         FROM endpoints e JOIN tenants t ON t.id = e.tenant_id
         WHERE e.tenant_id = $1 AND e.public_id = $2 AND e.deleted_at IS NULL",
    )
    .bind(scope.tenant().as_str())
    .bind(public_id)
    .fetch_optional(txn)
    .await
    .or_store_error()?
    .map(Endpoint::try_from)
    .transpose()
}

pub(super) async fn list(
    store: &PgStore,
    scope: &TenantScope,
    page: PageRequest,
) -> Result<Page<Endpoint>, StoreError> {
    let rows = sqlx::query_as::<_, EndpointRow>(
        "SELECT e.*, coalesce(e.own_contract, t.contract) AS contract,
                coalesce(e.previous_until > now(), false) AS rotating
         FROM endpoints e JOIN tenants t ON t.id = e.tenant_id
         WHERE e.tenant_id = $1 AND e.deleted_at IS NULL AND ($2::uuid IS NULL OR e.id < $2)
         ORDER BY e.id DESC LIMIT $3",
    )
    .bind(scope.tenant().as_str())
    .bind(page.after.map(|cursor| cursor.0))
    .bind(i64::from(page.limit) + 1)
    .fetch_all(&store.log)
    .await
    .or_store_error()?;
    let endpoints: Vec<Endpoint> =
        rows.into_iter().map(Endpoint::try_from).collect::<Result<_, _>>()?;
    Ok(Page::from_rows(endpoints, page.limit, |endpoint| endpoint.id.as_uuid()))
}

/// An endpoint whose row cannot be read is left out, so that it does not stop the others.
pub(super) async fn for_sending(
    store: &PgStore,
    ids: &[EndpointId],
) -> Result<Vec<Endpoint>, StoreError> {
    let rows = sqlx::query_as::<_, EndpointRow>(
        "SELECT e.*, coalesce(e.own_contract, t.contract) AS contract,
                coalesce(e.previous_until > now(), false) AS rotating
         FROM unnest($1::uuid[]) AS wanted (id)
         JOIN endpoints e ON e.id = wanted.id JOIN tenants t ON t.id = e.tenant_id
         WHERE e.deleted_at IS NULL",
    )
    .bind(ids.iter().map(EndpointId::as_uuid).collect::<Vec<Uuid>>())
    .fetch_all(&store.hot)
    .await
    .or_store_error()?;
    Ok(rows.into_iter().filter_map(|row| Endpoint::try_from(row).ok()).collect())
}

//! Reading endpoints: one, a page, or the one that a dispatcher sends to.

use super::row::EndpointRow;
use crate::endpoints::EndpointRef;
use crate::error::StoreError;
use crate::page::{Page, PageRequest};
use crate::sqlite::SqliteStore;
use crate::sqlite::error::StoreResultExt as _;
use postrider_common::endpoint::Endpoint;
use postrider_common::id::EndpointId;
use postrider_common::tenant::TenantScope;
use sqlx::{SqliteConnection, SqliteExecutor};

pub(super) async fn get(
    store: &SqliteStore,
    scope: &TenantScope,
    endpoint: &EndpointRef,
) -> Result<Option<Endpoint>, StoreError> {
    get_with(&store.readers, scope, endpoint).await
}

/// Reads one endpoint on the given connection, so that a transaction sees its own change.
pub(super) async fn get_with(
    executor: impl SqliteExecutor<'_>,
    scope: &TenantScope,
    endpoint: &EndpointRef,
) -> Result<Option<Endpoint>, StoreError> {
    sqlx::query_as::<_, EndpointRow>(
        "SELECT e.*, coalesce(e.own_contract, t.contract) AS contract,
                coalesce(e.previous_until > unixepoch('subsec') * 1e6, false) AS rotating
         FROM endpoints e JOIN tenants t ON t.id = e.tenant_id
         WHERE e.tenant_id = ?1 AND (e.public_id = ?2 OR e.id = ?3) AND e.deleted_at IS NULL
         ORDER BY e.public_id = ?2 DESC LIMIT 1",
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
    connection: &mut SqliteConnection,
    scope: &TenantScope,
    public_id: &str,
) -> Result<Option<Endpoint>, StoreError> {
    sqlx::query_as::<_, EndpointRow>(
        "SELECT e.*, coalesce(e.own_contract, t.contract) AS contract,
                coalesce(e.previous_until > unixepoch('subsec') * 1e6, false) AS rotating
         FROM endpoints e JOIN tenants t ON t.id = e.tenant_id
         WHERE e.tenant_id = ?1 AND e.public_id = ?2 AND e.deleted_at IS NULL",
    )
    .bind(scope.tenant().as_str())
    .bind(public_id)
    .fetch_optional(connection)
    .await
    .or_store_error()?
    .map(Endpoint::try_from)
    .transpose()
}

pub(super) async fn list(
    store: &SqliteStore,
    scope: &TenantScope,
    page: PageRequest,
) -> Result<Page<Endpoint>, StoreError> {
    let rows = sqlx::query_as::<_, EndpointRow>(
        "SELECT e.*, coalesce(e.own_contract, t.contract) AS contract,
                coalesce(e.previous_until > unixepoch('subsec') * 1e6, false) AS rotating
         FROM endpoints e JOIN tenants t ON t.id = e.tenant_id
         WHERE e.tenant_id = ?1 AND e.deleted_at IS NULL AND (?2 IS NULL OR e.id < ?2)
         ORDER BY e.id DESC LIMIT ?3",
    )
    .bind(scope.tenant().as_str())
    .bind(page.after.map(|cursor| cursor.0))
    .bind(i64::from(page.limit) + 1)
    .fetch_all(&store.readers)
    .await
    .or_store_error()?;
    let endpoints: Vec<Endpoint> =
        rows.into_iter().map(Endpoint::try_from).collect::<Result<_, _>>()?;
    Ok(Page::from_rows(endpoints, page.limit, |endpoint| endpoint.id.as_uuid()))
}

pub(in crate::sqlite) const FOR_SENDING: &str = "
    SELECT e.*, coalesce(e.own_contract, t.contract) AS contract,
           coalesce(e.previous_until > unixepoch('subsec') * 1e6, false) AS rotating
    FROM endpoints e JOIN tenants t ON t.id = e.tenant_id
    WHERE e.id = ?1 AND e.deleted_at IS NULL";

/// One endpoint, whoever owns it.
pub(super) async fn for_sending(
    store: &SqliteStore,
    id: EndpointId,
) -> Result<Option<Endpoint>, StoreError> {
    sqlx::query_as::<_, EndpointRow>(FOR_SENDING)
        .bind(id.as_uuid())
        .fetch_optional(&store.readers)
        .await
        .or_store_error()?
        .map(Endpoint::try_from)
        .transpose()
}

//! Deliveries, as their tenant sees them.

use crate::error::StoreError;
use crate::log::{DeliveryFilter, lists};
use crate::lookup::Lookup as _;
use crate::page::{Page, PageRequest};
use crate::rows::delivery::DeliveryRow;
use crate::selection::Selection;
use crate::sqlite::SqliteStore;
use crate::sqlite::clock::Micros;
use crate::sqlite::error::StoreResultExt as _;
use postrider_common::delivery::Delivery;
use postrider_common::id::DeliveryId;
use postrider_common::tenant::TenantScope;
use sqlx::{QueryBuilder, Sqlite};

type Row = DeliveryRow<Micros>;

/// An event has few deliveries; the plus keeps SQLite from reading all of the tenant's instead.
const OF_TENANT_AND_EVENT: &str = "+d.tenant_id = ";
const OF_TENANT: &str = "d.tenant_id = ";

pub(super) async fn get(
    store: &SqliteStore,
    scope: &TenantScope,
    id: DeliveryId,
) -> Result<Option<Delivery>, StoreError> {
    let mut query = of(OF_TENANT, scope);
    query.push(" AND d.id = ").push_bind(id.as_uuid());
    let row: Option<Row> =
        query.build_query_as().fetch_optional(&store.readers).await.or_store_error()?;
    row.map(Delivery::try_from).transpose()
}

pub(super) async fn list(
    store: &SqliteStore,
    scope: &TenantScope,
    filter: &DeliveryFilter,
    page: PageRequest,
) -> Result<Page<Delivery>, StoreError> {
    let endpoints = match &filter.endpoint {
        Some(endpoint) => Some(store.endpoint_ids(scope, endpoint).await?),
        None => None,
    };
    let mut query = of(if filter.event.is_some() { OF_TENANT_AND_EVENT } else { OF_TENANT }, scope);
    lists::deliveries(&mut query, filter, endpoints.as_deref(), page);
    read(store, query, page).await
}

pub(in crate::sqlite) async fn list_dead(
    store: &SqliteStore,
    scope: &TenantScope,
    selection: &Selection,
    page: PageRequest,
) -> Result<Page<Delivery>, StoreError> {
    let endpoint = selection.endpoint.as_ref();
    let Some(meant) = store.endpoints_meant(scope, endpoint).await? else {
        return Ok(Page { rows: Vec::new(), next: None });
    };
    let mut query = of(OF_TENANT, scope);
    lists::dead_letters(&mut query, selection, meant, page);
    read(store, query, page).await
}

fn of(whose: &str, scope: &TenantScope) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new(lists::DELIVERIES);
    query.push(whose).push_bind(scope.tenant().as_str().to_owned());
    query
}

async fn read(
    store: &SqliteStore,
    mut query: QueryBuilder<Sqlite>,
    page: PageRequest,
) -> Result<Page<Delivery>, StoreError> {
    let rows: Vec<Row> = query.build_query_as().fetch_all(&store.readers).await.or_store_error()?;
    Page::read(rows, page.limit, |delivery: &Delivery| delivery.id.as_uuid())
}

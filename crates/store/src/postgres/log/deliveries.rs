//! Deliveries, as their tenant sees them.

use crate::error::StoreError;
use crate::log::{DeliveryFilter, lists};
use crate::lookup::Lookup as _;
use crate::page::{Page, PageRequest};
use crate::postgres::PgStore;
use crate::postgres::error::StoreResultExt as _;
use crate::rows::delivery::DeliveryRow;
use crate::selection::Selection;
use postrider_common::delivery::Delivery;
use postrider_common::id::DeliveryId;
use postrider_common::tenant::TenantScope;
use sqlx::{Postgres, QueryBuilder};
use time::OffsetDateTime;

type Row = DeliveryRow<OffsetDateTime>;

pub(super) async fn get(
    store: &PgStore,
    scope: &TenantScope,
    id: DeliveryId,
) -> Result<Option<Delivery>, StoreError> {
    let mut query = of_tenant(scope);
    query.push(" AND d.id = ").push_bind(id.as_uuid());
    let row: Option<Row> =
        query.build_query_as().fetch_optional(&store.log).await.or_store_error()?;
    row.map(Delivery::try_from).transpose()
}

pub(super) async fn list(
    store: &PgStore,
    scope: &TenantScope,
    filter: &DeliveryFilter,
    page: PageRequest,
) -> Result<Page<Delivery>, StoreError> {
    let endpoints = match &filter.endpoint {
        Some(endpoint) => Some(store.endpoint_ids(scope, endpoint).await?),
        None => None,
    };
    let mut query = of_tenant(scope);
    lists::deliveries(&mut query, filter, endpoints.as_deref(), page);
    read(store, query, page).await
}

pub(in crate::postgres) async fn list_dead(
    store: &PgStore,
    scope: &TenantScope,
    selection: &Selection,
    page: PageRequest,
) -> Result<Page<Delivery>, StoreError> {
    let endpoint = selection.endpoint.as_ref();
    let Some(meant) = store.endpoints_meant(scope, endpoint).await? else {
        return Ok(Page { rows: Vec::new(), next: None });
    };
    let mut query = of_tenant(scope);
    lists::dead_letters(&mut query, selection, meant, page);
    read(store, query, page).await
}

/// What is said of `event_id` holds for every row; the log's indexes ask for it.
fn of_tenant(scope: &TenantScope) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new(lists::DELIVERIES);
    query.push("d.event_id IS NOT NULL AND d.tenant_id = ").push_bind(scope.tenant().as_str());
    query
}

async fn read(
    store: &PgStore,
    mut query: QueryBuilder<Postgres>,
    page: PageRequest,
) -> Result<Page<Delivery>, StoreError> {
    let rows: Vec<Row> = query.build_query_as().fetch_all(&store.log).await.or_store_error()?;
    Page::read(rows, page.limit, |delivery: &Delivery| delivery.id.as_uuid())
}

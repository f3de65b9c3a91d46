//! Deliveries, as their tenant sees them.

use crate::endpoints::EndpointRef;
use crate::error::StoreError;
use crate::log::DeliveryFilter;
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
use uuid::Uuid;

/// What is said of `event_id` holds for every row; the log's indexes ask for it.
const SELECT: &str = "
    SELECT d.*, ev.given_id, ev.event_type, e.public_id,
           coalesce(e.own_contract, t.contract) AS contract,
           CASE WHEN d.state = 'waiting' THEN
               (SELECT k.head FROM ordering_keys k
                WHERE k.endpoint_id = d.endpoint_id AND k.key = d.ordering_key)
           END AS waits_for
    FROM deliveries d
    JOIN events ev ON ev.id = d.event_id
    JOIN endpoints e ON e.id = d.endpoint_id
    JOIN tenants t ON t.id = d.tenant_id
    WHERE d.event_id IS NOT NULL AND d.tenant_id = ";

type Row = DeliveryRow<OffsetDateTime>;

pub(super) async fn get(
    store: &PgStore,
    scope: &TenantScope,
    id: DeliveryId,
) -> Result<Option<Delivery>, StoreError> {
    let mut query = QueryBuilder::<Postgres>::new(SELECT);
    query.push_bind(scope.tenant().as_str()).push(" AND d.id = ").push_bind(id.as_uuid());
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
    let mut query = QueryBuilder::<Postgres>::new(SELECT);
    query.push_bind(scope.tenant().as_str());
    if let Some(endpoint) = &filter.endpoint {
        let ids = endpoint_ids(store, scope, endpoint).await?;
        query.push(" AND d.endpoint_id = ANY (").push_bind(ids).push(")");
    }
    if let Some(event) = filter.event {
        query.push(" AND d.event_id = ").push_bind(event.as_uuid());
    }
    if let Some(state) = filter.state {
        query.push(" AND d.state = ").push_bind(state.as_str());
    }
    if let Some(cursor) = page.after {
        query.push(" AND d.id < ").push_bind(cursor.0);
    }
    query.push(" ORDER BY d.id DESC LIMIT ").push_bind(i64::from(page.limit) + 1);
    let rows: Vec<Row> = query.build_query_as().fetch_all(&store.log).await.or_store_error()?;
    let deliveries: Vec<Delivery> =
        rows.into_iter().map(Delivery::try_from).collect::<Result<_, _>>()?;
    Ok(Page::from_rows(deliveries, page.limit, |delivery| delivery.id.as_uuid()))
}

/// Those that are dead and not discarded; tests are nobody's loss.
pub(in crate::postgres) async fn list_dead(
    store: &PgStore,
    scope: &TenantScope,
    selection: &Selection,
    page: PageRequest,
) -> Result<Page<Delivery>, StoreError> {
    let mut query = QueryBuilder::<Postgres>::new(SELECT);
    query.push_bind(scope.tenant().as_str());
    query.push(" AND d.state = 'dead' AND d.discarded_at IS NULL AND NOT d.test");
    if let Some(endpoint) = &selection.endpoint {
        let first = endpoint_ids(store, scope, endpoint).await?.into_iter().next();
        query.push(" AND d.endpoint_id = ").push_bind(first);
    }
    if let Some(names) = selection.type_names() {
        query.push(" AND ev.event_type = ANY (").push_bind(names).push(")");
    }
    if let Some(since) = selection.since {
        query.push(" AND ev.accepted_at >= ").push_bind(since);
    }
    if let Some(until) = selection.until {
        query.push(" AND ev.accepted_at < ").push_bind(until);
    }
    if let Some(reason) = selection.reason {
        query.push(" AND d.dead_reason = ").push_bind(reason.as_str());
    }
    if let Some(status) = selection.status {
        query.push(" AND coalesce(d.last_status / 100, 0) = ").push_bind(status.hundreds());
    }
    if let Some(cursor) = page.after {
        query.push(" AND d.id < ").push_bind(cursor.0);
    }
    query.push(" ORDER BY d.id DESC LIMIT ").push_bind(i64::from(page.limit) + 1);
    let rows: Vec<Row> = query.build_query_as().fetch_all(&store.log).await.or_store_error()?;
    let deliveries: Vec<Delivery> =
        rows.into_iter().map(Delivery::try_from).collect::<Result<_, _>>()?;
    Ok(Page::from_rows(deliveries, page.limit, |delivery| delivery.id.as_uuid()))
}

/// The endpoints that a name means, first the one that it means first; the log of deleted ones stays,
/// so they count as well.
pub(in crate::postgres) async fn endpoint_ids(
    store: &PgStore,
    scope: &TenantScope,
    endpoint: &EndpointRef,
) -> Result<Vec<Uuid>, StoreError> {
    sqlx::query_scalar(
        "SELECT id FROM endpoints WHERE tenant_id = $1 AND (public_id = $2 OR id = $3)
         ORDER BY (deleted_at IS NULL) DESC, (public_id = $2) DESC, id DESC",
    )
    .bind(scope.tenant().as_str())
    .bind(endpoint.text())
    .bind(endpoint.id().map(|id| id.as_uuid()))
    .fetch_all(&store.log)
    .await
    .or_store_error()
}

//! Events, as their tenant sees them.

use crate::error::StoreError;
use crate::log::{EventFilterBy, EventSummary, lists};
use crate::page::{Page, PageRequest};
use crate::rows::event::{EventRow, EventSummaryRow};
use crate::sqlite::SqliteStore;
use crate::sqlite::clock::Micros;
use crate::sqlite::error::StoreResultExt as _;
use postrider_common::event::Event;
use postrider_common::id::EventId;
use postrider_common::tenant::TenantScope;
use sqlx::{QueryBuilder, Sqlite};
use uuid::Uuid;

/// An id that a producer gave goes before our own: it is what its tenant knows the event by.
pub(super) async fn get(
    store: &SqliteStore,
    scope: &TenantScope,
    id: &str,
) -> Result<Option<Event>, StoreError> {
    let Some(id) = resolve(store, scope, id).await? else {
        return Ok(None);
    };
    sqlx::query_as::<_, EventRow<Micros>>("SELECT * FROM events WHERE id = ?1 AND tenant_id = ?2")
        .bind(id.as_uuid())
        .bind(scope.tenant().as_str())
        .fetch_optional(&store.readers)
        .await
        .or_store_error()?
        .map(Event::try_from)
        .transpose()
}

/// The event that this text names; whether it is there is not looked at.
pub(in crate::sqlite) async fn resolve(
    store: &SqliteStore,
    scope: &TenantScope,
    id: &str,
) -> Result<Option<EventId>, StoreError> {
    let given: Option<Uuid> = sqlx::query_scalar(
        "SELECT event_id FROM idempotency_keys WHERE tenant_id = ?1 AND kind = 'e' AND key = ?2",
    )
    .bind(scope.tenant().as_str())
    .bind(id)
    .fetch_optional(&store.readers)
    .await
    .or_store_error()?;
    Ok(given.map(EventId::from_uuid).or_else(|| EventId::parse(id).ok()))
}

pub(super) async fn list(
    store: &SqliteStore,
    scope: &TenantScope,
    filter: &EventFilterBy,
    page: PageRequest,
) -> Result<Page<EventSummary>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new(lists::EVENTS);
    query.push_bind(scope.tenant().as_str());
    lists::events(&mut query, filter, page);
    let rows: Vec<EventSummaryRow<Micros>> =
        query.build_query_as().fetch_all(&store.readers).await.or_store_error()?;
    Page::read(rows, page.limit, |event: &EventSummary| event.id.as_uuid())
}

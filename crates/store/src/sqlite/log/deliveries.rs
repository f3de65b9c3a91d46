//! Deliveries, as their tenant sees them.

use super::events::event_type;
use crate::endpoints::EndpointRef;
use crate::error::StoreError;
use crate::log::DeliveryFilter;
use crate::page::{Page, PageRequest};
use crate::sqlite::SqliteStore;
use crate::sqlite::clock::Micros;
use crate::sqlite::error::StoreResultExt as _;
use postrider_common::attempt::FailureKind;
use postrider_common::delivery::{DeadReason, Delivery, DeliveryState};
use postrider_common::id::{DeliveryId, EventId};
use postrider_common::tenant::{TenantId, TenantScope};
use sqlx::{FromRow, QueryBuilder, Sqlite};
use uuid::Uuid;

const SELECT: &str = "
    SELECT d.*, ev.given_id, ev.event_type, e.public_id,
           coalesce(e.own_contract, t.contract) AS contract
    FROM deliveries d
    JOIN events ev ON ev.id = d.event_id
    JOIN endpoints e ON e.id = d.endpoint_id
    JOIN tenants t ON t.id = d.tenant_id
    WHERE ";

#[derive(FromRow)]
struct DeliveryRow {
    id: Uuid,
    tenant_id: String,
    event_id: Uuid,
    given_id: Option<String>,
    event_type: String,
    public_id: String,
    contract: String,
    state: String,
    dead_reason: Option<String>,
    round: u32,
    attempts: u32,
    next_attempt_at: Option<Micros>,
    last_status: Option<u16>,
    last_failure: Option<String>,
    created_at: Micros,
    finished_at: Option<Micros>,
}

impl TryFrom<DeliveryRow> for Delivery {
    type Error = StoreError;

    fn try_from(row: DeliveryRow) -> Result<Self, StoreError> {
        let unreadable = |what| StoreError::Unreadable { what };
        let reason = |name: String| DeadReason::from_name(&name).ok_or(unreadable("reason"));
        let kind = |name: String| FailureKind::from_name(&name).ok_or(unreadable("failure kind"));
        let state = DeliveryState::from_name(&row.state).ok_or(unreadable("delivery state"))?;
        let time = |time: Option<Micros>| time.map(TryInto::try_into).transpose();
        let awaits_attempt = !state.is_terminal() && state != DeliveryState::InFlight;
        Ok(Self {
            id: DeliveryId::from_uuid(row.id),
            tenant: TenantId::parse(row.tenant_id).map_err(|_| unreadable("tenant id"))?,
            event: EventId::from_uuid(row.event_id),
            given_event_id: row.given_id,
            event_type: event_type(row.event_type)?,
            endpoint: row.public_id,
            contract: row.contract,
            state,
            dead_reason: row.dead_reason.map(reason).transpose()?,
            round: row.round,
            attempts: row.attempts,
            next_attempt_at: time(row.next_attempt_at.filter(|_| awaits_attempt))?,
            last_status: row.last_status,
            last_failure: row.last_failure.map(kind).transpose()?,
            created_at: row.created_at.try_into()?,
            finished_at: time(row.finished_at)?,
        })
    }
}

pub(super) async fn get(
    store: &SqliteStore,
    scope: &TenantScope,
    id: DeliveryId,
) -> Result<Option<Delivery>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new(SELECT);
    query.push("d.tenant_id = ").push_bind(scope.tenant().as_str());
    query.push(" AND d.id = ").push_bind(id.as_uuid());
    let row: Option<DeliveryRow> =
        query.build_query_as().fetch_optional(&store.readers).await.or_store_error()?;
    row.map(Delivery::try_from).transpose()
}

pub(super) async fn list(
    store: &SqliteStore,
    scope: &TenantScope,
    filter: &DeliveryFilter,
    page: PageRequest,
) -> Result<Page<Delivery>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new(SELECT);
    // An event has few deliveries; the plus keeps SQLite from reading all of the tenant's instead.
    query.push(if filter.event.is_some() { "+d.tenant_id = " } else { "d.tenant_id = " });
    query.push_bind(scope.tenant().as_str());
    if let Some(endpoint) = &filter.endpoint {
        query.push(" AND d.endpoint_id IN (");
        let mut ids = query.separated(", ");
        for id in endpoint_ids(store, scope, endpoint).await? {
            ids.push_bind(id);
        }
        query.push(")");
    }
    if let Some(event) = filter.event {
        query.push(" AND d.event_id = ").push_bind(event.as_uuid());
    }
    if let Some(state) = filter.state {
        // Not a parameter, since an index of one state is of use only to a statement that names it.
        query.push(format_args!(" AND d.state = '{}'", state.as_str()));
    }
    if let Some(cursor) = page.after {
        query.push(" AND d.id < ").push_bind(cursor.0);
    }
    query.push(" ORDER BY d.id DESC LIMIT ").push_bind(i64::from(page.limit) + 1);
    let rows: Vec<DeliveryRow> =
        query.build_query_as().fetch_all(&store.readers).await.or_store_error()?;
    let deliveries: Vec<Delivery> =
        rows.into_iter().map(Delivery::try_from).collect::<Result<_, _>>()?;
    Ok(Page::from_rows(deliveries, page.limit, |delivery| delivery.id.as_uuid()))
}

/// The endpoints that a filter means; the log of deleted ones stays, so they count as well.
async fn endpoint_ids(
    store: &SqliteStore,
    scope: &TenantScope,
    endpoint: &EndpointRef,
) -> Result<Vec<Uuid>, StoreError> {
    sqlx::query_scalar(
        "SELECT id FROM endpoints WHERE tenant_id = ?1 AND (public_id = ?2 OR id = ?3)",
    )
    .bind(scope.tenant().as_str())
    .bind(endpoint.text())
    .bind(endpoint.id().map(|id| id.as_uuid()))
    .fetch_all(&store.readers)
    .await
    .or_store_error()
}

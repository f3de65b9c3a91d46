//! Deliveries, as their tenant sees them.

use super::events::event_type;
use crate::endpoints::EndpointRef;
use crate::error::StoreError;
use crate::log::DeliveryFilter;
use crate::page::{Page, PageRequest};
use crate::postgres::PgStore;
use crate::postgres::error::StoreResultExt as _;
use postrider_common::attempt::FailureKind;
use postrider_common::delivery::{DeadReason, Delivery, DeliveryState};
use postrider_common::id::{DeliveryId, EventId};
use postrider_common::tenant::{TenantId, TenantScope};
use sqlx::{FromRow, Postgres, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;

/// What is said of `event_id` holds for every row; the log's indexes ask for it.
const SELECT: &str = "
    SELECT d.*, ev.given_id, ev.event_type, e.public_id,
           coalesce(e.own_contract, t.contract) AS contract
    FROM deliveries d
    JOIN events ev ON ev.id = d.event_id
    JOIN endpoints e ON e.id = d.endpoint_id
    JOIN tenants t ON t.id = d.tenant_id
    WHERE d.event_id IS NOT NULL AND d.tenant_id = ";

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
    round: i32,
    attempts: i32,
    next_attempt_at: Option<OffsetDateTime>,
    last_status: Option<i16>,
    last_failure: Option<String>,
    created_at: OffsetDateTime,
    finished_at: Option<OffsetDateTime>,
}

impl TryFrom<DeliveryRow> for Delivery {
    type Error = StoreError;

    fn try_from(row: DeliveryRow) -> Result<Self, StoreError> {
        let unreadable = |what| StoreError::Unreadable { what };
        let natural = |number: i32| u32::try_from(number).map_err(|_| unreadable("count"));
        let reason = |name: String| DeadReason::from_name(&name).ok_or(unreadable("reason"));
        let kind = |name: String| FailureKind::from_name(&name).ok_or(unreadable("failure kind"));
        let state = DeliveryState::from_name(&row.state).ok_or(unreadable("delivery state"))?;
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
            round: natural(row.round)?,
            attempts: natural(row.attempts)?,
            next_attempt_at: row.next_attempt_at.filter(|_| awaits_attempt),
            last_status: row.last_status.and_then(|status| u16::try_from(status).ok()),
            last_failure: row.last_failure.map(kind).transpose()?,
            created_at: row.created_at,
            finished_at: row.finished_at,
        })
    }
}

pub(super) async fn get(
    store: &PgStore,
    scope: &TenantScope,
    id: DeliveryId,
) -> Result<Option<Delivery>, StoreError> {
    let mut query = QueryBuilder::<Postgres>::new(SELECT);
    query.push_bind(scope.tenant().as_str()).push(" AND d.id = ").push_bind(id.as_uuid());
    let row: Option<DeliveryRow> =
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
    let rows: Vec<DeliveryRow> =
        query.build_query_as().fetch_all(&store.log).await.or_store_error()?;
    let deliveries: Vec<Delivery> =
        rows.into_iter().map(Delivery::try_from).collect::<Result<_, _>>()?;
    Ok(Page::from_rows(deliveries, page.limit, |delivery| delivery.id.as_uuid()))
}

/// The endpoints that a filter means; the log of deleted ones stays, so they count as well.
async fn endpoint_ids(
    store: &PgStore,
    scope: &TenantScope,
    endpoint: &EndpointRef,
) -> Result<Vec<Uuid>, StoreError> {
    sqlx::query_scalar(
        "SELECT id FROM endpoints WHERE tenant_id = $1 AND (public_id = $2 OR id = $3)",
    )
    .bind(scope.tenant().as_str())
    .bind(endpoint.text())
    .bind(endpoint.id().map(|id| id.as_uuid()))
    .fetch_all(&store.log)
    .await
    .or_store_error()
}

//! The log: events, deliveries and attempts, as their tenant sees them; and replay.

use crate::endpoints::EndpointRef;
use crate::error::StoreError;
use crate::page::{Page, PageRequest};
use async_trait::async_trait;
use postrider_common::attempt::Attempt;
use postrider_common::delivery::{Delivery, DeliveryState};
use postrider_common::event::{Event, EventType, Metadata};
use postrider_common::id::{DeliveryId, EventId};
use postrider_common::tenant::TenantScope;
use time::OffsetDateTime;

/// Which events a list shows.
#[derive(Clone, Debug, Default)]
pub struct EventFilterBy {
    /// Only of this type.
    pub event_type: Option<EventType>,
}

/// An event in a list, without its payload.
#[derive(Clone, Debug)]
pub struct EventSummary {
    /// Its id.
    pub id: EventId,
    /// The id that its producer gave it.
    pub given_id: Option<String>,
    /// Its type.
    pub event_type: EventType,
    /// What its producer said beside the payload.
    pub metadata: Metadata,
    /// When it happened.
    pub occurred_at: OffsetDateTime,
    /// When it was accepted.
    pub accepted_at: OffsetDateTime,
}

/// Which deliveries a list shows; what is `None` does not narrow it.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    /// Only of this endpoint.
    pub endpoint: Option<EndpointRef>,
    /// Only of this event.
    pub event: Option<EventId>,
    /// Only in this state.
    pub state: Option<DeliveryState>,
}

/// What became of a request to replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replayed {
    /// It is due again, from the start of its schedule.
    Replayed,
    /// It is not finished.
    NotFinished(DeliveryState),
    /// Its endpoint is deleted.
    EndpointDeleted,
    /// The tenant has no such delivery.
    Unknown,
}

/// The log of a tenant.
#[async_trait]
pub trait Log: Send + Sync {
    /// One event, by our id or by the id that its producer gave it.
    async fn event_get(&self, scope: &TenantScope, id: &str) -> Result<Option<Event>, StoreError>;

    /// Events, newest first.
    async fn event_list(
        &self,
        scope: &TenantScope,
        filter: &EventFilterBy,
        page: PageRequest,
    ) -> Result<Page<EventSummary>, StoreError>;

    /// One delivery.
    async fn delivery_get(
        &self,
        scope: &TenantScope,
        id: DeliveryId,
    ) -> Result<Option<Delivery>, StoreError>;

    /// Deliveries, newest first.
    async fn delivery_list(
        &self,
        scope: &TenantScope,
        filter: &DeliveryFilter,
        page: PageRequest,
    ) -> Result<Page<Delivery>, StoreError>;

    /// All attempts of a delivery, first to last; empty when the tenant has no such delivery.
    async fn attempt_list(
        &self,
        scope: &TenantScope,
        delivery: DeliveryId,
    ) -> Result<Vec<Attempt>, StoreError>;

    /// Makes a finished delivery due again: round + 1, its schedule from the start.
    async fn delivery_replay(
        &self,
        scope: &TenantScope,
        id: DeliveryId,
    ) -> Result<Replayed, StoreError>;
}

//! The log: events, deliveries and attempts, as their tenant sees them; replay and cancelling.

pub(crate) mod again;
pub(crate) mod lists;

use crate::endpoints::EndpointRef;
use crate::error::StoreError;
use crate::page::{Page, PageRequest};
use async_trait::async_trait;
use postrider_common::attempt::{Attempt, FailureKind};
use postrider_common::delivery::{Delivery, DeliveryState};
use postrider_common::event::{Event, EventType, Metadata};
use postrider_common::id::{DeliveryId, EventId};
use postrider_common::tenant::TenantScope;
use std::time::Duration;
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
    /// When it is to be delivered, as its producer said; `None` is at once.
    pub deliver_at: Option<OffsetDateTime>,
    /// What it is ordered by at endpoints that ask for that.
    pub ordering_key: Option<String>,
    /// Whether it is a test, which somebody asked for.
    pub test: bool,
    /// When its payload was expunged, on the database's clock.
    pub expunged_at: Option<OffsetDateTime>,
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

/// An attempt in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptSummary {
    /// Counts its delivery's attempts from 1.
    pub number: u32,
    /// When it started.
    pub started_at: OffsetDateTime,
    /// How long it took.
    pub duration: Duration,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// `None` for a success.
    pub failure: Option<FailureKind>,
}

/// A delivery with its last attempt on record; `None` before the first.
pub type DeliveryAndLast = (Delivery, Option<AttemptSummary>);

/// A part of an endpoint's deliveries, newest first.
#[derive(Clone, Debug)]
pub struct DeliveryPage {
    /// The deliveries.
    pub rows: Vec<DeliveryAndLast>,
    /// How many the endpoint has in all, of which [`Self::COUNTED`] are counted at most.
    pub total: u64,
}

impl DeliveryPage {
    /// Deliveries that are counted; beyond that, counting would cost more than a page is worth.
    pub const COUNTED: u32 = 1_000_000;

    /// One of rows as they are stored.
    pub(crate) fn read<Row>(rows: Vec<Row>, total: i64) -> Result<Self, StoreError>
    where
        DeliveryAndLast: TryFrom<Row, Error = StoreError>,
    {
        let rows = rows.into_iter().map(DeliveryAndLast::try_from).collect::<Result<_, _>>()?;
        Ok(Self { rows, total: u64::try_from(total).unwrap_or_default() })
    }
}

/// An attempt of an endpoint, with the delivery that it was made for.
#[derive(Clone, Debug)]
pub struct LoggedAttempt {
    /// The delivery.
    pub delivery: Delivery,
    /// The attempt.
    pub attempt: AttemptSummary,
}

/// What became of a request to replay as new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayedAsNew {
    /// A new delivery owes the same event to the same endpoint.
    Made(DeliveryId),
    /// The old one is not finished.
    NotFinished(DeliveryState),
    /// Its endpoint is deleted.
    EndpointDeleted,
    /// Its event's payload was expunged.
    PayloadExpunged,
    /// The tenant has no such delivery.
    Unknown,
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
    /// Its event's payload was expunged.
    PayloadExpunged,
    /// The tenant has no such delivery.
    Unknown,
}

/// What became of a request to cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// It is dead, and nothing is sent of it.
    Cancelled,
    /// It is being sent, or finished.
    TooLate(DeliveryState),
    /// The tenant has no such delivery.
    Unknown,
}

/// What became of an event's deliveries when somebody asked to cancel it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventCancelled {
    /// Those that are dead by that.
    pub cancelled: u64,
    /// Those that were left, since they are being sent.
    pub in_flight: u64,
    /// Those that were finished before.
    pub finished: u64,
}

impl EventCancelled {
    /// Counts deliveries by the states that they were found in.
    pub(crate) fn of(found: &[DeliveryState]) -> Self {
        let count =
            |is: fn(DeliveryState) -> bool| found.iter().filter(|state| is(**state)).count() as u64;
        Self {
            cancelled: count(DeliveryState::is_unsent),
            in_flight: count(|state| state == DeliveryState::InFlight),
            finished: count(DeliveryState::is_terminal),
        }
    }
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

    /// Deliveries of an endpoint, also of a deleted one, newest first: `limit` of them after the first
    /// `offset`. `None` when the tenant has no such endpoint.
    async fn delivery_page(
        &self,
        scope: &TenantScope,
        endpoint: &EndpointRef,
        limit: u32,
        offset: u64,
    ) -> Result<Option<DeliveryPage>, StoreError>;

    /// The last attempts of an endpoint's deliveries, newest deliveries first and of each the last
    /// attempt first. `None` when the tenant has no such endpoint.
    async fn attempt_log(
        &self,
        scope: &TenantScope,
        endpoint: &EndpointRef,
        limit: u32,
    ) -> Result<Option<Vec<LoggedAttempt>>, StoreError>;

    /// Makes a new delivery of a finished one's event, due at once, for a receiver that must process
    /// the event again: with an id of its own, and the same body.
    async fn delivery_replay_as_new(
        &self,
        scope: &TenantScope,
        id: DeliveryId,
    ) -> Result<ReplayedAsNew, StoreError>;

    /// Makes a finished delivery due again: round + 1, its schedule from the start.
    async fn delivery_replay(
        &self,
        scope: &TenantScope,
        id: DeliveryId,
    ) -> Result<Replayed, StoreError>;

    /// Cancels a delivery that is neither in flight nor finished: `dead`, and nothing is sent of it.
    async fn delivery_cancel(
        &self,
        scope: &TenantScope,
        id: DeliveryId,
    ) -> Result<Cancelled, StoreError>;

    /// Cancels all deliveries of an event that are neither in flight nor finished, and marks the event, so
    /// that no endpoint gets it as one that it missed. The event is named by our id or by the id that its producer gave it; `None` when the tenant has no such event.
    async fn event_cancel(
        &self,
        scope: &TenantScope,
        id: &str,
    ) -> Result<Option<EventCancelled>, StoreError>;
}

//! Accepting events: the transaction that makes Postrider owe something.

pub(crate) mod matching;
pub(crate) mod turns;
pub(crate) mod verdict;

use crate::endpoints::EndpointRef;
use crate::error::StoreError;
use async_trait::async_trait;
use bytes::Bytes;
use postrider_common::event::{EventType, GivenId, MAX_DELIVER_AHEAD, Metadata};
use postrider_common::id::{DeliveryId, EndpointId, EventId};
use postrider_common::ordering::OrderingKey;
use postrider_common::tenant::{TenantId, TenantScope};
use postrider_common::trace::TraceContext;
use std::collections::{HashMap, HashSet};
use time::OffsetDateTime;

/// A SHA-256 over everything that decides whether two publishes mean the same event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

/// An event that passed validation.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// Its id, if it turns out to be new.
    pub id: EventId,
    /// Whose it is.
    pub tenant: TenantId,
    /// The id that the producer gave it.
    pub given_id: Option<GivenId>,
    /// The key that the producer gave the call.
    pub idempotency_key: Option<GivenId>,
    /// What decides "same".
    pub fingerprint: Fingerprint,
    /// Its type.
    pub event_type: EventType,
    /// The normalised payload.
    pub payload: Bytes,
    /// What the producer said beside it.
    pub metadata: Metadata,
    /// When it happened; `None` is the time of acceptance.
    pub occurred_at: Option<OffsetDateTime>,
    /// When it is to be delivered; `None` and what is past are at once.
    pub deliver_at: Option<OffsetDateTime>,
    /// What its deliveries are ordered by at endpoints that ask for that.
    pub ordering_key: Option<OrderingKey>,
    /// The trace that it is part of; kept with it, and no part of what decides "same".
    pub trace: Option<TraceContext>,
}

/// A delivery that was made `queued` and wants a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedDelivery {
    /// The delivery.
    pub id: DeliveryId,
    /// Its endpoint.
    pub endpoint: EndpointId,
    /// Its tenant.
    pub tenant: TenantId,
    /// The trace that its event is part of, if that is known without looking the event up.
    pub trace: Option<TraceContext>,
}

/// How many deliveries of each tenant may be made `queued`; the others are made `scheduled` for at
/// once, and the feeder hands them out in turn. A tenant that is not named may queue `default`.
#[derive(Clone, Debug, Default)]
pub struct QueueRoom {
    /// For tenants that are not named.
    pub default: usize,
    /// By tenant.
    pub by_tenant: HashMap<TenantId, usize>,
}

impl QueueRoom {
    /// The same for every tenant.
    pub fn for_each(default: usize) -> Self {
        Self { default, by_tenant: HashMap::new() }
    }

    /// What a tenant may queue.
    pub fn of(&self, tenant: &TenantId) -> usize {
        self.by_tenant.get(tenant).copied().unwrap_or(self.default)
    }
}

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It is stored, with one delivery for each endpoint that wants it.
    New {
        /// How many deliveries it made.
        deliveries: u32,
        /// Those that want a message now.
        queued: Vec<QueuedDelivery>,
    },
    /// The same event was accepted before.
    Duplicate {
        /// The event that it is; its producer gave it the same id then as now.
        event: EventId,
        /// How many deliveries that event made.
        deliveries: u32,
    },
    /// Its key or event id was used for something else; it names the field.
    Conflict {
        /// `idempotency_key` or `event_id`.
        field: &'static str,
    },
    /// It is to be delivered later than [`MAX_DELIVER_AHEAD`] from now, on the database's clock.
    TooFarAhead,
    /// The id that its producer gave it reads as the id that another event of the tenant got from us.
    Namesake,
    /// There is no such tenant.
    UnknownTenant,
}

/// Why an event is refused before its keys are looked at, if it is. The time is needed for one that is
/// to be delivered later; `namesakes` are the events of the batch that others have the names of.
pub(crate) fn refusal(
    event: &NewEvent,
    is_tenant_known: bool,
    namesakes: &HashSet<EventId>,
    now: Option<OffsetDateTime>,
) -> Option<Accepted> {
    if !is_tenant_known {
        return Some(Accepted::UnknownTenant);
    }
    if namesakes.contains(&event.id) {
        return Some(Accepted::Namesake);
    }
    let ahead = event.deliver_at? - now?;
    (ahead > MAX_DELIVER_AHEAD).then_some(Accepted::TooFarAhead)
}

/// The text that a producer gave as an event's id and the id of ours that it reads as, if it does.
pub(crate) fn reads_as_ours(event: &NewEvent) -> Option<(&str, EventId)> {
    let text = event.given_id.as_ref()?.as_str();
    EventId::parse_ours(text).map(|ours| (text, ours))
}

/// What became of a request for a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestAccepted {
    /// The event is stored with one delivery, which is due now.
    Accepted {
        /// The event.
        event: EventId,
        /// Its delivery.
        delivery: DeliveryId,
    },
    /// The tenant has no such endpoint.
    UnknownEndpoint,
}

/// Accepting events.
#[async_trait]
pub trait Acceptance: Send + Sync {
    /// Accepts a batch of events in one transaction: each with its idempotency keys and one delivery
    /// for each endpoint that wants it. Gives one result per event, in their order; an event that is
    /// refused does not touch the others.
    async fn events_accept(
        &self,
        events: &[NewEvent],
        room: &QueueRoom,
    ) -> Result<Vec<Accepted>, StoreError>;

    /// Accepts an event as a test: stored with one delivery, `scheduled` for now, for this endpoint
    /// alone, whatever it wants and even while it is off. The event's keys are not looked at.
    async fn test_accept(
        &self,
        scope: &TenantScope,
        endpoint: &EndpointRef,
        event: &NewEvent,
    ) -> Result<TestAccepted, StoreError>;

    /// How many deliveries of a tenant are `queued`, counted up to `limit`.
    async fn deliveries_queued(&self, tenant: &TenantId, limit: u32) -> Result<u32, StoreError>;
}

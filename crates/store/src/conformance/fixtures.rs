//! What the cases are written with: short ways to make tenants, endpoints, events and settlements,
//! and to bring deliveries into a state.

use super::{RawDelivery, Subject};
use crate::accept::{Accepted, Fingerprint, NewEvent, QueueRoom};
use crate::endpoints::{EndpointCreated, EndpointPatch, EndpointRef, EndpointUpdated, NewEndpoint};
use crate::feed::{Fed, FeedLimits, Feeding};
use crate::log::DeliveryFilter;
use crate::page::PageRequest;
use crate::tenants::TenantCreated;
use crate::work::{Claim, Claimed, ClaimedDelivery, Claiming, LeasePolicy, Settled, Settlement};
use bytes::Bytes;
use postrider_common::attempt::{AttemptRecord, FailureKind, Response};
use postrider_common::delivery::{DeadReason, Delivery, DeliveryState, Progress, Transition};
use postrider_common::endpoint::{DisableReason, Endpoint, EventFilter};
use postrider_common::event::{EventType, GivenId};
use postrider_common::id::{DeliveryId, EndpointId, EventId};
use postrider_common::keeping::Keeping;
use postrider_common::ordering::EndpointOrdering;
use postrider_common::seal::Sealed;
use postrider_common::tenant::{NewTenant, TenantId, TenantScope};
use postrider_contract::BackoffOverrides;
use std::time::Duration;
use time::OffsetDateTime;
use time::macros::datetime;

/// The contract of the suite's tenants, and its time-out.
pub const CONTRACT: (&str, Duration) = ("plain", Duration::from_secs(20));
/// What is added to a time-out for the lease.
pub const MARGIN: Duration = Duration::from_secs(10);
/// Room for whatever a case accepts.
const ROOMY: usize = 10_000;
/// When the suite's requests went out, and its events happened if they say so.
pub const EARLIER: OffsetDateTime = datetime!(2026-03-04 05:06:07.089_012 UTC);

impl Subject {
    /// A new tenant.
    pub async fn tenant(&self) -> TenantScope {
        let id = TenantId::parse(format!("t-{}", EndpointId::generate())).expect("a tenant id");
        let new = NewTenant {
            id,
            name: "A tenant".to_owned(),
            contract: CONTRACT.0.to_owned(),
            keeping: Keeping::default(),
        };
        let created = self.store.tenant_create(new).await.expect("an answer");
        let TenantCreated::Created(tenant) = created else {
            panic!("a new id exists: {created:?}");
        };
        let scope = TenantScope::authorised(tenant.id);
        self.remember(scope.clone());
        scope
    }

    /// A tenant with one endpoint that wants everything.
    pub async fn customer(&self) -> (TenantScope, Endpoint) {
        let tenant = self.tenant().await;
        let endpoint = self.endpoint(&tenant).await;
        (tenant, endpoint)
    }

    /// A new endpoint that wants everything.
    pub async fn endpoint(&self, tenant: &TenantScope) -> Endpoint {
        self.endpoint_with(tenant, |_| {}).await
    }

    /// A new endpoint, changed before it is created.
    pub async fn endpoint_with(
        &self,
        tenant: &TenantScope,
        change: impl FnOnce(&mut NewEndpoint),
    ) -> Endpoint {
        let mut new = new_endpoint();
        change(&mut new);
        let created = self.store.endpoint_create(tenant, new, 1_000).await.expect("an answer");
        let EndpointCreated::Created(endpoint) = created else {
            panic!("not created: {created:?}");
        };
        *endpoint
    }

    /// Changes an endpoint.
    pub async fn patch(
        &self,
        tenant: &TenantScope,
        endpoint: &Endpoint,
        patch: EndpointPatch,
    ) -> Endpoint {
        let updated = self.store.endpoint_update(tenant, &named(endpoint), patch).await;
        let EndpointUpdated::Updated(endpoint) = updated.expect("an answer") else {
            panic!("there is no such endpoint");
        };
        *endpoint
    }

    /// Pauses or resumes an endpoint.
    pub async fn switch(&self, tenant: &TenantScope, endpoint: &Endpoint, active: bool) {
        let patch = EndpointPatch { active: Some(active), ..EndpointPatch::default() };
        self.patch(tenant, endpoint, patch).await;
    }

    /// Deletes an endpoint.
    pub async fn delete(&self, tenant: &TenantScope, endpoint: &Endpoint) {
        self.store.endpoint_delete(tenant, &named(endpoint)).await.expect("an answer");
    }

    /// Accepts events; all of their deliveries may be queued.
    pub async fn accept(&self, events: &[NewEvent]) -> Vec<Accepted> {
        let room = QueueRoom::for_each(ROOMY);
        self.store.events_accept(events, &room).await.expect("an answer")
    }

    /// Accepts one event.
    pub async fn accept_one(&self, event: NewEvent) -> Accepted {
        self.accept(&[event]).await.remove(0)
    }

    /// Accepts so many events, and gives the deliveries that are queued by that, in their order.
    pub async fn queue(&self, tenant: &TenantScope, count: usize) -> Vec<DeliveryId> {
        let events: Vec<NewEvent> = (0..count).map(|_| event(tenant)).collect();
        let accepted = self.accept(&events).await;
        accepted.iter().flat_map(queued).collect()
    }

    /// Accepts so many events with no room in the queue, and gives their deliveries in no order.
    pub async fn schedule(&self, tenant: &TenantScope, count: usize) -> Vec<DeliveryId> {
        let events: Vec<NewEvent> = (0..count).map(|_| event(tenant)).collect();
        let full = QueueRoom::for_each(0);
        self.store.events_accept(&events, &full).await.expect("accepted");
        let made = |delivery: &Delivery| events.iter().any(|event| event.id == delivery.event);
        let deliveries = self.deliveries(tenant).await;
        deliveries.iter().filter(|delivery| made(delivery)).map(|delivery| delivery.id).collect()
    }

    /// All deliveries of a tenant, newest first.
    pub async fn deliveries(&self, tenant: &TenantScope) -> Vec<Delivery> {
        self.deliveries_by(tenant, &DeliveryFilter::default()).await
    }

    /// All deliveries of a tenant that the filter shows, newest first.
    pub async fn deliveries_by(
        &self,
        tenant: &TenantScope,
        filter: &DeliveryFilter,
    ) -> Vec<Delivery> {
        let all = PageRequest { limit: 100_000, after: None };
        self.store.delivery_list(tenant, filter, all).await.expect("deliveries").rows
    }

    /// One delivery, which there is.
    pub async fn delivery(&self, tenant: &TenantScope, id: DeliveryId) -> Delivery {
        self.store.delivery_get(tenant, id).await.expect("an answer").expect("a delivery")
    }

    /// A delivery's row.
    pub async fn raw(&self, id: DeliveryId) -> RawDelivery {
        self.hooks.raw_delivery(id).await.expect("a delivery")
    }

    /// Where a delivery stands.
    pub async fn state(&self, id: DeliveryId) -> DeliveryState {
        DeliveryState::from_name(&self.raw(id).await.state).expect("a known state")
    }

    /// Fails unless all of these deliveries are in this state.
    pub async fn assert_all(&self, ids: &[DeliveryId], state: DeliveryState) {
        for id in ids {
            assert_eq!(self.state(*id).await, state, "{id}");
        }
    }

    /// Claims deliveries.
    pub async fn claim(&self, ids: &[DeliveryId]) -> Claimed {
        let lease = lease_policy();
        let claim = self.store.deliveries_claim(ids, &lease, Claiming::Together);
        claim.await.expect("an answer")
    }

    /// Claims a delivery, which is queued.
    pub async fn claim_one(&self, id: DeliveryId) -> ClaimedDelivery {
        let claim = self.claim(&[id]).await.claims.remove(0);
        let Claim::Claimed(claimed) = claim else {
            panic!("not claimed: {claim:?}");
        };
        claimed
    }

    /// A new delivery that is in flight.
    pub async fn in_flight(&self, tenant: &TenantScope) -> ClaimedDelivery {
        let id = self.queue(tenant, 1).await.remove(0);
        self.claim_one(id).await
    }

    /// Settles one attempt.
    pub async fn settle(&self, settlement: Settlement) -> Settled {
        let settled = self.store.deliveries_settle(&[settlement]).await.expect("an answer");
        assert_eq!(settled.len(), 1);
        settled[0]
    }

    /// Feeds so many at most, with no cap that matters.
    pub async fn feed(&self, total: u32) -> Vec<Fed> {
        self.feed_capped(total, 1_000).await
    }

    /// Feeds, under this cap per endpoint.
    pub async fn feed_capped(&self, total: u32, per_endpoint: u32) -> Vec<Fed> {
        let limits =
            FeedLimits { total, per_endpoint, per_tenant: 10_000, ..FeedLimits::default() };
        self.feed_within(&limits).await.fed
    }

    /// Feeds within these limits.
    pub async fn feed_within(&self, limits: &FeedLimits) -> Feeding {
        let feeding = self.store.deliveries_feed(limits).await.expect("an answer");
        feeding.expect("no other feeder")
    }

    /// Ends leases that are past their end, and gives the deliveries.
    pub async fn reap(&self) -> Vec<DeliveryId> {
        let reaped = self.store.deliveries_reap(1_000).await.expect("an answer");
        reaped.iter().map(|reaped| reaped.delivery).collect()
    }

    /// Lets waiting deliveries follow their endpoints; gives how many did.
    pub async fn follow(&self) -> u64 {
        self.store.deliveries_follow_endpoints(1_000).await.expect("an answer").moved
    }

    /// Moves time.
    pub async fn age(&self, seconds: u64) {
        self.hooks.age(Duration::from_secs(seconds)).await.expect("time moves");
    }
}

/// An endpoint as it is known to its owner.
pub fn named(endpoint: &Endpoint) -> EndpointRef {
    EndpointRef::new(endpoint.public_id.as_str())
}

/// What it takes to make an endpoint that wants everything and is on.
pub fn new_endpoint() -> NewEndpoint {
    let id = EndpointId::generate();
    NewEndpoint {
        id,
        public_id: format!("wh_{id}"),
        contract: None,
        url: "https://receiver.example/hook".to_owned(),
        description: String::new(),
        events: EventFilter::every(),
        secret: Sealed::from_bytes(vec![7; 61]),
        second_secret: None,
        active: true,
        auto_enable: false,
        ordering: EndpointOrdering::default(),
        retry_schedule: None,
        backoff: BackoffOverrides::default(),
        timeout: None,
        rate_limit: None,
        created_at: None,
    }
}

/// An endpoint's filter.
pub fn wants(names: &[&str]) -> EventFilter {
    EventFilter::parse(names.iter().map(ToString::to_string).collect()).expect("a filter")
}

/// An event without keys.
pub fn event(tenant: &TenantScope) -> NewEvent {
    NewEvent {
        id: EventId::generate(),
        tenant: tenant.tenant().clone(),
        given_id: None,
        idempotency_key: None,
        fingerprint: Fingerprint([0; 32]),
        event_type: event_type("thought.created"),
        payload: Bytes::from_static(br#"{"n":1}"#),
        metadata: [("source".to_owned(), "suite".to_owned())].into(),
        occurred_at: None,
        deliver_at: None,
        ordering_key: None,
        trace: None,
    }
}

/// An event's type.
pub fn event_type(text: &str) -> EventType {
    EventType::parse(text).expect("an event type")
}

/// An id that a producer gives, or none for an empty text.
pub fn given(text: &str) -> Option<GivenId> {
    (!text.is_empty()).then(|| GivenId::parse(text).expect("a given id"))
}

/// The deliveries that were fed.
pub fn ids(fed: &[Fed]) -> Vec<DeliveryId> {
    fed.iter().map(|fed| fed.delivery.id).collect()
}

/// The deliveries that accepting an event queued.
pub fn queued(accepted: &Accepted) -> Vec<DeliveryId> {
    let Accepted::New { queued, .. } = accepted else {
        panic!("not new: {accepted:?}");
    };
    queued.iter().map(|delivery| delivery.id).collect()
}

/// How long the suite's leases last.
pub fn lease_policy() -> LeasePolicy {
    let other = ("other".to_owned(), Duration::from_secs(99));
    LeasePolicy { timeouts: vec![other, (CONTRACT.0.to_owned(), CONTRACT.1)], margin: MARGIN }
}

/// A success, answered with 200.
pub fn success(claimed: &ClaimedDelivery) -> Settlement {
    settlement(claimed, Transition::Delivered, None, 200)
}

/// A failure, answered with 503, after which there is a retry.
pub fn retry(claimed: &ClaimedDelivery, delay: Duration) -> Settlement {
    let progress = Progress { failures: claimed.progress.failures + 1 };
    let transition = Transition::Retry { delay, progress };
    settlement(claimed, transition, Some(FailureKind::Status), 503)
}

/// A failure, answered with 500, after which there is none.
pub fn dead(claimed: &ClaimedDelivery, reason: DeadReason) -> Settlement {
    let transition = Transition::Dead { reason, disable: None };
    settlement(claimed, transition, Some(FailureKind::Status), 500)
}

/// An answer of 410.
pub fn gone(claimed: &ClaimedDelivery) -> Settlement {
    let disable = Some(DisableReason::Gone);
    let transition = Transition::Dead { reason: DeadReason::Gone, disable };
    settlement(claimed, transition, Some(FailureKind::Status), 410)
}

fn settlement(
    claimed: &ClaimedDelivery,
    transition: Transition,
    failure: Option<FailureKind>,
    status: u16,
) -> Settlement {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let response = Response {
        status,
        headers: vec![
            pair("Content-Type", "text/plain"),
            pair("X-Twice", "1"),
            pair("X-Twice", "2"),
        ],
        body: Bytes::from_static(b"answer"),
        body_end: "complete".to_owned(),
    };
    let record = AttemptRecord {
        started_at: EARLIER,
        duration: Duration::from_micros(12_345),
        failure,
        url: "https://receiver.example/hook".to_owned(),
        request_headers: vec![pair("Content-Type", "application/json")],
        response: Some(response),
        contract: CONTRACT.0.to_owned(),
        contract_digest: None,
    };
    Settlement {
        delivery: claimed.id,
        token: claimed.token,
        attempt: claimed.attempt,
        transition,
        is_last_chance: false,
        record,
    }
}

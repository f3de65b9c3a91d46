//! Conformance: deliveries of one ordering key go one after the other, in the order of acceptance.

use super::Subject;
use super::fixtures::{event, ids, new_endpoint, queued, retry, success};
use crate::accept::{NewEvent, QueueRoom};
use crate::endpoints::EndpointPatch;
use crate::work::ClaimedDelivery;
use postrider_common::delivery::{Delivery, DeliveryState};
use postrider_common::endpoint::Endpoint;
use postrider_common::id::{DeliveryId, EventId};
use postrider_common::ordering::{EndpointOrdering, OnFailure, OrderingKey};
use postrider_common::tenant::TenantScope;
use std::time::Duration;

use DeliveryState::{Dead, Delivered, Held, InFlight, Queued, Scheduled, Waiting};

/// An event with an ordering key.
pub(super) fn keyed(tenant: &TenantScope, key: &str) -> NewEvent {
    let key = OrderingKey::parse(key).expect("an ordering key");
    NewEvent { ordering_key: Some(key), ..event(tenant) }
}

impl Subject {
    /// A tenant with one endpoint that asks for order by key.
    pub async fn ordered(&self, on_failure: OnFailure) -> (TenantScope, Endpoint) {
        let tenant = self.tenant().await;
        let ordering = EndpointOrdering { by_key: true, on_failure };
        let endpoint = self.endpoint_with(&tenant, |new| new.ordering = ordering).await;
        (tenant, endpoint)
    }

    /// Accepts an event for each key, in one batch, and gives their deliveries in that order.
    pub async fn accept_keys(&self, tenant: &TenantScope, keys: &[&str]) -> Vec<DeliveryId> {
        let events: Vec<NewEvent> = keys.iter().map(|key| keyed(tenant, key)).collect();
        let accepted: Vec<EventId> = events.iter().map(|event| event.id).collect();
        self.accept(&events).await;
        let deliveries = self.deliveries(tenant).await;
        let of = |event: &EventId| {
            let found = deliveries.iter().find(|delivery| delivery.event == *event);
            found.expect("a delivery").id
        };
        accepted.iter().map(of).collect()
    }

    /// What is due, claimed.
    pub(super) async fn claim_due(&self) -> Vec<ClaimedDelivery> {
        let mut claimed = Vec::new();
        for id in ids(&self.feed(1_000).await) {
            claimed.push(self.claim_one(id).await);
        }
        claimed
    }

    /// Fails unless nothing is left that says which delivery of a key is the next.
    pub(super) async fn assert_no_key_is_left(&self) {
        assert_eq!(self.hooks.ordering_keys().await.expect("a count"), 0);
    }
}

/// Of a key one is queued; the next is due once that is delivered, and not before. Other keys are not
/// held up.
pub async fn one_delivery_of_a_key_goes_at_a_time(subject: &Subject) {
    let (tenant, _) = subject.ordered(OnFailure::GoOn).await;
    let batch = subject.accept_keys(&tenant, &["a", "b", "a", "a"]).await;
    let later = subject.accept_keys(&tenant, &["a", "b"]).await;
    subject.assert_all(&[batch[0], batch[1]], Queued).await;
    subject.assert_all(&[batch[2], batch[3], later[0], later[1]], Waiting).await;
    assert_eq!(ids(&subject.feed(100).await), []);

    for (id, next) in [(batch[0], batch[2]), (batch[2], batch[3]), (batch[3], later[0])] {
        let waiting = subject.delivery(&tenant, next).await;
        assert_eq!((waiting.waits_for, waiting.next_attempt_at), (Some(id), None));
        assert_eq!(waiting.ordering_key.as_deref(), Some("a"));
        let claimed = subject.claim_one(id).await;
        assert!(claimed.ordered);
        assert_eq!(ids(&subject.feed(100).await), []);
        subject.settle(success(&claimed)).await;
        assert_eq!(subject.state(next).await, Scheduled);
        assert_eq!(subject.delivery(&tenant, next).await.waits_for, None);
        assert_eq!(ids(&subject.feed(100).await), [next]);
    }
    let last = [subject.claim_one(later[0]).await, subject.claim_one(batch[1]).await];
    let settlements: Vec<_> = last.iter().map(success).collect();
    subject.store.deliveries_settle(&settlements).await.expect("settled");
    assert_eq!(ids(&subject.feed(100).await), [later[1]]);
    let last = subject.claim_one(later[1]).await;
    subject.settle(success(&last)).await;
    subject.assert_no_key_is_left().await;
}

/// What follows after a key has come to its end is sent at once.
pub async fn a_key_that_came_to_its_end_begins_anew(subject: &Subject) {
    let (tenant, _) = subject.ordered(OnFailure::Wait).await;
    for _ in 0..2 {
        let id = subject.accept_keys(&tenant, &["a"]).await[0];
        assert_eq!(subject.state(id).await, Queued);
        let claimed = subject.claim_one(id).await;
        subject.settle(success(&claimed)).await;
        subject.assert_no_key_is_left().await;
    }
}

/// Neither an endpoint that does not ask for order, nor an event without a key, has anything to do
/// with it.
pub async fn what_asks_for_no_order_has_none(subject: &Subject) {
    let (tenant, ordered) = subject.ordered(OnFailure::GoOn).await;
    let free = subject.endpoint(&tenant).await;
    let events: Vec<NewEvent> =
        [keyed(&tenant, "a"), keyed(&tenant, "a"), event(&tenant), event(&tenant)].into();
    subject.accept(&events).await;
    let count = |deliveries: &[Delivery], endpoint: &Endpoint, state| {
        let found = deliveries.iter().filter(|delivery| delivery.endpoint == endpoint.public_id);
        found.filter(|delivery| delivery.state == state).count()
    };
    let deliveries = subject.deliveries(&tenant).await;
    assert_eq!(count(&deliveries, &free, Queued), 4);
    assert_eq!(count(&deliveries, &ordered, Queued), 3);
    assert_eq!(count(&deliveries, &ordered, Waiting), 1);
    let keys = deliveries.iter().filter(|delivery| delivery.ordering_key.is_some());
    assert_eq!(keys.count(), 2, "the endpoint that asks for no order has none");
    let stored = subject.store.event_get(&tenant, &events[0].id.to_string()).await;
    assert_eq!(stored.expect("an answer").expect("an event").ordering_key.as_deref(), Some("a"));
}

/// Keys of two endpoints, and of two tenants, are not the same.
pub async fn keys_are_an_endpoints_own(subject: &Subject) {
    for _ in 0..2 {
        let (tenant, _) = subject.ordered(OnFailure::GoOn).await;
        let ordering = EndpointOrdering { by_key: true, ..EndpointOrdering::default() };
        subject.endpoint_with(&tenant, |new| new.ordering = ordering).await;
        let accepted = subject.accept_one(keyed(&tenant, "a")).await;
        assert_eq!(queued(&accepted).len(), 2);
    }
}

/// A failure that is tried again, a lease that ended, a claim that was given back: its turn remains.
pub async fn a_turn_lasts_until_the_delivery_is_finished(subject: &Subject) {
    let (tenant, _) = subject.ordered(OnFailure::GoOn).await;
    let all = subject.accept_keys(&tenant, &["a", "a"]).await;
    let claimed = subject.claim_one(all[0]).await;
    subject.settle(retry(&claimed, Duration::from_secs(5))).await;
    assert_eq!((subject.state(all[0]).await, subject.state(all[1]).await), (Scheduled, Waiting));
    assert_eq!(ids(&subject.feed(10).await), []);
    subject.age(10).await;

    let claimed = subject.claim_due().await.remove(0);
    assert_eq!(claimed.id, all[0]);
    subject.age(1_000).await;
    assert_eq!(subject.reap().await, [all[0]]);
    subject.follow().await;
    assert_eq!(subject.state(all[1]).await, Waiting);
    assert_eq!(ids(&subject.feed(10).await), [all[0]]);
    // The success of the attempt that was lost comes late, and passes the turn on.
    subject.settle(success(&claimed)).await;
    assert_eq!((subject.state(all[0]).await, subject.state(all[1]).await), (Delivered, Scheduled));
}

/// With no room in the queue the head is scheduled, and with its endpoint off it is held; the others
/// wait for it, and neither resuming nor pausing makes them overtake.
pub async fn the_others_wait_for_a_head_that_waits(subject: &Subject) {
    let (tenant, endpoint) = subject.ordered(OnFailure::GoOn).await;
    let full = QueueRoom::for_each(0);
    let events = [keyed(&tenant, "a"), keyed(&tenant, "a")];
    subject.store.events_accept(&events, &full).await.expect("accepted");
    subject.switch(&tenant, &endpoint, false).await;
    subject.accept_keys(&tenant, &["b", "b"]).await;
    let states = async || {
        let mut deliveries = subject.deliveries(&tenant).await;
        deliveries.sort_unstable_by_key(|delivery| delivery.sequence);
        deliveries.iter().map(|delivery| delivery.state).collect::<Vec<_>>()
    };
    assert_eq!(states().await, [Scheduled, Waiting, Held, Waiting]);
    subject.follow().await;
    assert_eq!(states().await, [Held, Waiting, Held, Waiting]);
    subject.switch(&tenant, &endpoint, true).await;
    subject.follow().await;
    let claimed = subject.claim_due().await;
    assert_eq!(states().await, [InFlight, Waiting, InFlight, Waiting]);
    subject.switch(&tenant, &endpoint, false).await;
    for claimed in &claimed {
        subject.settle(success(claimed)).await;
    }
    subject.follow().await;
    assert_eq!(states().await, [Delivered, Held, Delivered, Held]);
}

/// What waits for a deleted endpoint is dead, and nothing is left of its keys.
pub async fn nothing_waits_for_a_deleted_endpoint(subject: &Subject) {
    let (tenant, endpoint) = subject.ordered(OnFailure::Wait).await;
    let all = subject.accept_keys(&tenant, &["a", "a", "a", "b", "b"]).await;
    let claimed = subject.claim_one(all[0]).await;
    subject.delete(&tenant, &endpoint).await;
    subject.follow().await;
    subject.assert_all(&[all[1], all[2], all[4]], Dead).await;
    subject.settle(success(&claimed)).await;
    subject.claim(&[all[3]]).await;
    subject.follow().await;
    assert_eq!(subject.state(all[3]).await, Dead);
    subject.assert_no_key_is_left().await;
}

/// An endpoint that asks for order no more gets what waited; what is accepted then goes as it comes.
pub async fn without_order_nothing_waits(subject: &Subject) {
    let (tenant, endpoint) = subject.ordered(OnFailure::Wait).await;
    let all = subject.accept_keys(&tenant, &["a", "a", "a"]).await;
    let patch = EndpointPatch { ordered_by_key: Some(false), ..EndpointPatch::default() };
    let changed = subject.patch(&tenant, &endpoint, patch).await;
    assert_eq!(changed.ordering, EndpointOrdering { by_key: false, on_failure: OnFailure::Wait });
    assert_eq!(subject.follow().await, 2);
    let (mut due, mut waited) = (ids(&subject.feed(10).await), all[1..].to_vec());
    due.sort_unstable();
    waited.sort_unstable();
    assert_eq!(due, waited);
    let more = subject.accept_keys(&tenant, &["a", "a"]).await;
    subject.assert_all(&more, Queued).await;

    let claimed = subject.claim_one(all[0]).await;
    subject.settle(success(&claimed)).await;
    subject.assert_no_key_is_left().await;
    let order = EndpointPatch { ordered_by_key: Some(true), ..EndpointPatch::default() };
    subject.patch(&tenant, &endpoint, order).await;
    let again = subject.accept_keys(&tenant, &["a", "a"]).await;
    assert_eq!((subject.state(again[0]).await, subject.state(again[1]).await), (Queued, Waiting));
}

/// Whether an endpoint asks for order is read back as it was set.
pub async fn an_endpoints_order_is_read_back(subject: &Subject) {
    assert_eq!(new_endpoint().ordering, EndpointOrdering::default());
    let (tenant, endpoint) = subject.ordered(OnFailure::Wait).await;
    let asked = EndpointOrdering { by_key: true, on_failure: OnFailure::Wait };
    assert_eq!(endpoint.ordering, asked);
    let on_failure = Some(OnFailure::GoOn);
    let patch = EndpointPatch { ordering_on_failure: on_failure, ..EndpointPatch::default() };
    let changed = subject.patch(&tenant, &endpoint, patch).await;
    assert_eq!(changed.ordering, EndpointOrdering { by_key: true, on_failure: OnFailure::GoOn });
}

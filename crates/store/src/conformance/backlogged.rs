//! Conformance: what is accepted for an endpoint that has a backlog goes behind what waits, as long as there
//! is one and no longer.

use super::Subject;
use super::fixtures::{event, ids, queued, retry, success, wants};
use crate::work::ClaimedDelivery;
use postrider_common::delivery::DeliveryState::{Delivered, Queued, Scheduled};
use postrider_common::endpoint::Endpoint;
use postrider_common::id::DeliveryId;
use postrider_common::tenant::TenantScope;
use std::collections::HashSet;
use std::time::Duration;

/// A cap that a case fills.
const CAP: u32 = 2;

impl Subject {
    async fn is_backlogged(&self, endpoint: &Endpoint) -> bool {
        self.hooks.is_backlogged(endpoint.id).await.expect("an answer")
    }

    /// A tenant with an endpoint that more is due for than it has room for, and what of it was fed.
    async fn crowded(&self) -> (TenantScope, Endpoint, Vec<DeliveryId>) {
        let (tenant, endpoint) = self.customer().await;
        self.schedule(&tenant, 3).await;
        let fed = ids(&self.feed_capped(10, CAP).await);
        assert!(self.is_backlogged(&endpoint).await);
        (tenant, endpoint, fed)
    }

    async fn deliver(&self, ids: &[DeliveryId]) {
        for id in ids {
            let claimed = self.claim_one(*id).await;
            self.settle(success(&claimed)).await;
        }
    }

    async fn refuse(&self, ids: &[DeliveryId]) {
        let refused = self.store.deliveries_refuse(ids, Duration::ZERO).await.expect("an answer");
        assert_eq!(refused, ids.len() as u64);
    }
}

/// And nobody else's.
pub async fn what_is_over_a_cap_makes_a_backlog(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let other = subject.endpoint_with(&tenant, |new| new.events = wants(&["something.else"])).await;
    let (stranger, _) = subject.customer().await;
    let refused = subject.queue(&tenant, 1).await;
    assert!(!subject.is_backlogged(&endpoint).await);
    subject.refuse(&refused).await;
    subject.refuse(&[]).await;

    assert_eq!(
        [subject.is_backlogged(&endpoint).await, subject.is_backlogged(&other).await],
        [true, false]
    );
    assert_eq!(queued(&subject.accept_one(event(&tenant)).await), []);
    assert_eq!(subject.queue(&stranger, 1).await.len(), 1);
    subject.feed_capped(10, 10).await;
    assert!(!subject.is_backlogged(&endpoint).await);
}

/// Due at once, behind what waits, with no message of its own.
pub async fn what_is_accepted_goes_behind_a_backlog(subject: &Subject) {
    let (tenant, endpoint, first) = subject.crowded().await;
    let new = event(&tenant);
    let event = new.id;
    assert_eq!(queued(&subject.accept_one(new).await), []);
    let deliveries = subject.deliveries(&tenant).await;
    let new = deliveries.iter().find(|delivery| delivery.event == event).expect("a delivery").id;
    let raw = subject.raw(new).await;
    assert_eq!(raw.state, "scheduled");
    assert!(raw.due_in_s.expect("a due time") <= 0.0);

    subject.deliver(&first).await;
    let rest = ids(&subject.feed_capped(10, CAP).await);
    assert_eq!((rest.len(), rest[1]), (2, new));
    assert!(subject.is_backlogged(&endpoint).await, "it has as many as there is room for");
    subject.deliver(&rest).await;
    subject.feed_capped(10, CAP).await;
    assert!(!subject.is_backlogged(&endpoint).await);
    assert_eq!(subject.queue(&tenant, 1).await.len(), 1, "and as ever");
}

/// Its reason may go by itself: cancelled, say. It stays while there is no room for what comes.
pub async fn a_backlog_without_anything_due_ends(subject: &Subject) {
    let (tenant, endpoint, first) = subject.crowded().await;
    let waiting = subject.deliveries(&tenant).await;
    let waiting = waiting.iter().find(|delivery| delivery.state == Scheduled).expect("one waits");
    subject.store.delivery_cancel(&tenant, waiting.id).await.expect("an answer");
    assert!(subject.feed_capped(10, CAP).await.is_empty());
    assert!(subject.is_backlogged(&endpoint).await, "it has no room");
    subject.deliver(&first[..1]).await;
    assert!(subject.feed_capped(10, CAP).await.is_empty());
    assert!(!subject.is_backlogged(&endpoint).await);
}

/// Paused or deleted, it has none.
pub async fn a_backlog_ends_with_its_endpoint(subject: &Subject) {
    let (tenant, paused, _) = subject.crowded().await;
    let (other, deleted, _) = subject.crowded().await;
    subject.switch(&tenant, &paused, false).await;
    subject.delete(&other, &deleted).await;
    assert!(subject.feed_capped(10, CAP).await.is_empty());
    assert!(!subject.is_backlogged(&paused).await);
    assert!(!subject.is_backlogged(&deleted).await);
}

/// What is held is as it ever was.
pub async fn a_backlog_holds_nothing_back_that_is_held(subject: &Subject) {
    let (tenant, endpoint, _) = subject.crowded().await;
    subject.switch(&tenant, &endpoint, false).await;
    subject.accept_one(event(&tenant)).await;
    let deliveries = subject.deliveries(&tenant).await;
    let states: Vec<&str> = deliveries.iter().map(|delivery| delivery.state.as_str()).collect();
    assert_eq!(states.iter().filter(|state| **state == "held").count(), 1, "{states:?}");
}

/// A publisher that never stops keeps an endpoint at its cap; retries and what was refused go out all the
/// same, before what was accepted after them, and so does what is new.
pub async fn a_steady_publisher_does_not_starve_what_waits(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let retries = subject.queue(&tenant, 3).await;
    for id in &retries {
        let claimed = subject.claim_one(*id).await;
        subject.settle(retry(&claimed, Duration::ZERO)).await;
    }
    let refused = subject.queue(&tenant, 3).await;
    let mut publisher = Publisher { subject, tenant: &tenant, messages: Vec::new(), made: 0 };
    publisher.publish(CAP as usize).await;
    subject.refuse(&refused).await;
    let old: HashSet<DeliveryId> = retries.into_iter().chain(refused).collect();

    let mut sent: Vec<DeliveryId> = Vec::new();
    let mut in_flight: Vec<ClaimedDelivery> = Vec::new();
    for _ in 0..12 {
        publisher.publish(CAP as usize).await;
        publisher.messages.extend(ids(&subject.feed_capped(10, CAP).await));
        for claimed in in_flight.drain(..) {
            subject.settle(success(&claimed)).await;
        }
        for id in publisher.messages.drain(..) {
            let claimed = subject.claim_one(id).await;
            sent.push(claimed.id);
            in_flight.push(claimed);
        }
    }
    assert!(subject.is_backlogged(&endpoint).await, "there was always more than it could take");
    let newer_before: Vec<_> = sent.iter().take_while(|id| !old.contains(*id)).collect();
    assert_eq!(newer_before.len(), CAP as usize, "what was on its way before there was a backlog");
    let rest: Vec<_> = sent.iter().skip(newer_before.len()).collect();
    assert!(rest[..old.len()].iter().all(|id| old.contains(*id)), "the old ones first");
    assert!(rest.len() > old.len(), "and then what is new");
    assert_eq!(old.len(), 6);
    assert!(sent.len() < publisher.made, "there is still more");
    for id in old {
        assert!(matches!(subject.state(id).await, Delivered | Queued), "{id}");
    }
}

struct Publisher<'a> {
    subject: &'a Subject,
    tenant: &'a TenantScope,
    messages: Vec<DeliveryId>,
    made: usize,
}

impl Publisher<'_> {
    /// Publishes; messages go to whoever sends.
    async fn publish(&mut self, events: usize) {
        self.made += events;
        self.messages.extend(self.subject.queue(self.tenant, events).await);
    }
}

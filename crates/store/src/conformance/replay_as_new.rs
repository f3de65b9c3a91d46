//! Conformance: a finished delivery's event can be owed once more, by a delivery of its own.

use super::Subject;
use super::fixtures::{dead, event, ids, named, success};
use super::replay::unfinished;
use crate::log::{Replayed, ReplayedAsNew};
use crate::work::WorkQueue;
use futures::future::join_all;
use postrider_common::delivery::{DeadReason, DeliveryState};
use postrider_common::id::{DeliveryId, EventId};
use postrider_common::tenant::TenantScope;
use std::collections::HashSet;
use std::sync::Arc;

impl Subject {
    async fn ask_for_a_copy(&self, tenant: &TenantScope, id: DeliveryId) -> ReplayedAsNew {
        self.store.delivery_replay_as_new(tenant, id).await.expect("an answer")
    }

    async fn copy(&self, tenant: &TenantScope, id: DeliveryId) -> DeliveryId {
        let replayed = self.ask_for_a_copy(tenant, id).await;
        let ReplayedAsNew::Made(copy) = replayed else {
            panic!("no copy: {replayed:?}");
        };
        copy
    }

    async fn delivered(&self, tenant: &TenantScope) -> DeliveryId {
        let claimed = self.in_flight(tenant).await;
        self.settle(success(&claimed)).await;
        claimed.id
    }
}

/// The same event to the same endpoint, due at once, with a life of its own; the old delivery stays
/// as it is.
pub async fn a_copy_begins_anew(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let first = subject.in_flight(&tenant).await;
    subject.settle(dead(&first, DeadReason::Exhausted)).await;
    let old = subject.delivery(&tenant, first.id).await;

    let id = subject.copy(&tenant, first.id).await;
    assert_ne!(id, first.id);
    assert_eq!(id.as_uuid().get_timestamp(), first.event.as_uuid().get_timestamp());
    let copy = subject.delivery(&tenant, id).await;
    assert_eq!((copy.event, &copy.endpoint), (first.event, &endpoint.public_id));
    assert_eq!((copy.state, copy.round, copy.attempts), (DeliveryState::Scheduled, 1, 0));
    assert_eq!(copy.next_attempt_at, Some(copy.created_at));
    assert_eq!((copy.contract_version, copy.test), (old.contract_version, false));
    assert_eq!((copy.last_status, copy.last_failure), (None, None));
    assert_eq!((copy.dead_reason, copy.finished_at), (None, None));

    let fed = subject.feed(10).await;
    assert_eq!((ids(&fed), fed[0].queue), (vec![id], WorkQueue::First));
    let claimed = subject.claim_one(id).await;
    assert_eq!((claimed.event, claimed.attempt), (first.event, 1));
    subject.settle(success(&claimed)).await;
    assert_eq!(subject.state(id).await, DeliveryState::Delivered);
    let still = subject.delivery(&tenant, first.id).await;
    assert_eq!((still.state, still.attempts, still.finished_at), (old.state, 1, old.finished_at));
}

/// And copies of copies; each can be replayed the ordinary way as well.
pub async fn copies_can_be_copied(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let mut made = vec![subject.delivered(&tenant).await];
    for source in [0, 0, 1] {
        let copy = subject.copy(&tenant, made[source]).await;
        subject.feed(10).await;
        let claimed = subject.claim_one(copy).await;
        subject.settle(success(&claimed)).await;
        made.push(copy);
    }
    assert_eq!(made.iter().collect::<HashSet<_>>().len(), 4);
    let replayed = subject.store.delivery_replay(&tenant, made[3]).await.expect("an answer");
    assert_eq!(replayed, Replayed::Replayed);
}

/// Many at once each make one.
pub async fn copies_that_are_made_at_once_are_all_made(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let id = subject.delivered(&tenant).await;
    let copy = || {
        let (store, tenant) = (Arc::clone(&subject.store), tenant.clone());
        tokio::spawn(async move { store.delivery_replay_as_new(&tenant, id).await })
    };
    let mut made = HashSet::new();
    for result in join_all((0..8).map(|_| copy())).await {
        let replayed = result.expect("no panic").expect("an answer");
        let ReplayedAsNew::Made(copy) = replayed else {
            panic!("no copy: {replayed:?}");
        };
        made.insert(copy);
    }
    assert_eq!(made.len(), 8);
    assert_eq!(subject.deliveries(&tenant).await.len(), 9);
}

/// It says where the delivery stands, and makes nothing.
pub async fn what_is_not_finished_is_not_copied(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    for (id, state) in unfinished(subject, &tenant, &endpoint).await {
        let asked = subject.ask_for_a_copy(&tenant, id).await;
        assert_eq!(asked, ReplayedAsNew::NotFinished(state));
    }
    assert_eq!(subject.deliveries(&tenant).await.len(), 4);
}

/// There is nobody to send it to.
pub async fn a_deleted_endpoints_delivery_is_not_copied(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let id = subject.delivered(&tenant).await;
    subject.delete(&tenant, &endpoint).await;
    assert_eq!(subject.ask_for_a_copy(&tenant, id).await, ReplayedAsNew::EndpointDeleted);
    assert_eq!(subject.deliveries(&tenant).await.len(), 1);
}

/// Neither one that is not there nor another tenant's.
pub async fn only_its_owner_copies_a_delivery(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let (stranger, _) = subject.customer().await;
    let id = subject.delivered(&tenant).await;
    assert_eq!(subject.ask_for_a_copy(&stranger, id).await, ReplayedAsNew::Unknown);
    let unknown = DeliveryId::generate_for(EventId::generate());
    assert_eq!(subject.ask_for_a_copy(&tenant, unknown).await, ReplayedAsNew::Unknown);
    assert_eq!(subject.deliveries(&tenant).await.len(), 1);
    assert!(subject.deliveries(&stranger).await.is_empty());
}

/// Held until its endpoint is on again, for which it is due at once.
pub async fn a_copy_waits_for_its_endpoint(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let id = subject.delivered(&tenant).await;
    subject.switch(&tenant, &endpoint, false).await;
    let copy = subject.copy(&tenant, id).await;
    assert_eq!(subject.state(copy).await, DeliveryState::Held);
    subject.switch(&tenant, &endpoint, true).await;
    subject.follow().await;
    assert_eq!(ids(&subject.feed(10).await), [copy]);
}

/// A test's copy is a test, which goes out although its endpoint is off.
pub async fn a_copy_of_a_test_is_a_test(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let id = subject.test(&tenant, &named(&endpoint), &event(&tenant)).await;
    subject.feed(10).await;
    let claimed = subject.claim_one(id).await;
    subject.settle(dead(&claimed, DeadReason::Exhausted)).await;
    subject.switch(&tenant, &endpoint, false).await;
    let copy = subject.copy(&tenant, id).await;
    let stored = subject.delivery(&tenant, copy).await;
    assert_eq!((stored.state, stored.test), (DeliveryState::Scheduled, true));
}

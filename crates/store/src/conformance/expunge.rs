//! Conformance: an event's payload is gone at once, and what became of it stays on record.

use super::Subject;
use super::fixtures::{dead, event, given, named, queued, retry, success};
use super::replays::replay_of;
use crate::accept::NewEvent;
use crate::log::{Replayed, ReplayedAsNew};
use crate::replays::ReplayMode;
use crate::retention::Expunged;
use crate::selection::Selection;
use crate::work::Settled;
use postrider_common::delivery::{DeadReason, DeliveryState};
use postrider_common::event::Event;
use postrider_common::id::{DeliveryId, EventId};
use postrider_common::tenant::TenantScope;
use std::time::Duration;

impl Subject {
    async fn expunge(&self, tenant: &TenantScope, id: EventId) -> Expunged {
        self.store.event_expunge(tenant, &id.to_string()).await.expect("an answer")
    }

    async fn stored(&self, tenant: &TenantScope, id: EventId) -> Event {
        let event = self.store.event_get(tenant, &id.to_string()).await;
        event.expect("an answer").expect("an event")
    }

    /// A new event, and its deliveries, which are queued.
    async fn publish_one(&self, tenant: &TenantScope) -> (EventId, Vec<DeliveryId>) {
        let event = event(tenant);
        let id = event.id;
        (id, queued(&self.accept_one(event).await))
    }

    /// The bodies that a delivery's attempts were answered with.
    async fn answers(&self, tenant: &TenantScope, id: DeliveryId) -> Vec<Vec<u8>> {
        let attempts = self.store.attempt_list(tenant, id).await.expect("attempts");
        let responses = attempts.into_iter().filter_map(|attempt| attempt.record.response);
        responses.map(|response| response.body.to_vec()).collect()
    }
}

/// With what its attempts were answered with; all else is as it was.
pub async fn an_expunged_payload_is_gone(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let (id, deliveries) = subject.publish_one(&tenant).await;
    let (kept, others) = subject.publish_one(&tenant).await;
    for delivery in [deliveries[0], others[0]] {
        subject.settle(success(&subject.claim_one(delivery).await)).await;
    }
    let (before, delivery) =
        (subject.stored(&tenant, id).await, subject.delivery(&tenant, deliveries[0]).await);
    assert_eq!(before.expunged_at, None);
    assert_eq!(subject.expunge(&tenant, id).await, Expunged::Expunged);

    let after = subject.stored(&tenant, id).await;
    assert!(after.payload.is_empty(), "{after:?}");
    let expunged_at = after.expunged_at.expect("a time");
    assert_eq!((after.metadata, after.accepted_at), (before.metadata, before.accepted_at));
    let unchanged = subject.delivery(&tenant, deliveries[0]).await;
    assert_eq!(format!("{unchanged:?}"), format!("{delivery:?}"));
    assert_eq!(subject.answers(&tenant, deliveries[0]).await, [Vec::<u8>::new()]);

    assert_eq!(subject.expunge(&tenant, id).await, Expunged::Expunged, "a second time as well");
    assert_eq!(subject.stored(&tenant, id).await.expunged_at, Some(expunged_at));
    assert!(!subject.stored(&tenant, kept).await.payload.is_empty());
    assert_eq!(subject.answers(&tenant, others[0]).await, [b"answer".to_vec()]);
}

/// Whether it waits in a queue, for its time or for its endpoint.
pub async fn expunging_cancels_what_is_owed(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    subject.endpoint(&tenant).await;
    let off = subject.endpoint(&tenant).await;
    subject.switch(&tenant, &off, false).await;
    let (id, deliveries) = subject.publish_one(&tenant).await;
    subject.settle(retry(&subject.claim_one(deliveries[0]).await, Duration::ZERO)).await;
    assert_eq!(subject.expunge(&tenant, id).await, Expunged::Expunged);
    let found = subject.deliveries(&tenant).await;
    assert_eq!(found.len(), 3);
    for delivery in found {
        assert_eq!(delivery.dead_reason, Some(DeadReason::Cancelled), "{delivery:?}");
    }
    assert!(subject.feed(10).await.is_empty());
    let counted = subject.hooks.raw_statistics(endpoint.id).await.expect("statistics");
    assert_eq!(counted.dead, 1);
}

/// Then it is as it was, but for what was not being sent.
pub async fn what_is_in_flight_keeps_the_payload(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    subject.endpoint(&tenant).await;
    let (id, deliveries) = subject.publish_one(&tenant).await;
    let claimed = subject.claim_one(deliveries[0]).await;
    assert_eq!(subject.expunge(&tenant, id).await, Expunged::InFlight(1));
    assert!(!subject.stored(&tenant, id).await.payload.is_empty());
    assert_eq!(subject.state(deliveries[1]).await, DeliveryState::Dead);
    assert_eq!(subject.settle(retry(&claimed, Duration::ZERO)).await, Settled::Applied);
    assert_eq!(subject.expunge(&tenant, id).await, Expunged::Expunged);
    assert!(subject.stored(&tenant, id).await.payload.is_empty());
}

/// What was answered would be on record again.
pub async fn a_success_that_comes_after_it_is_not_written(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let (id, deliveries) = subject.publish_one(&tenant).await;
    let claimed = subject.claim_one(deliveries[0]).await;
    subject.age(1_000).await;
    subject.reap().await;
    assert_eq!(subject.expunge(&tenant, id).await, Expunged::Expunged);
    assert_eq!(subject.settle(success(&claimed)).await, Settled::Superseded);
    assert!(subject.answers(&tenant, deliveries[0]).await.iter().all(Vec::is_empty));
}

/// In no way.
pub async fn an_expunged_event_is_not_replayed(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let (id, deliveries) = subject.publish_one(&tenant).await;
    subject.settle(dead(&subject.claim_one(deliveries[0]).await, DeadReason::Exhausted)).await;
    subject.expunge(&tenant, id).await;
    let replayed = subject.store.delivery_replay(&tenant, deliveries[0]).await;
    assert_eq!(replayed.expect("an answer"), Replayed::PayloadExpunged);
    let copied = subject.store.delivery_replay_as_new(&tenant, deliveries[0]).await;
    assert_eq!(copied.expect("an answer"), ReplayedAsNew::PayloadExpunged);
    assert_eq!(subject.state(deliveries[0]).await, DeliveryState::Dead);
    subject.delete(&tenant, &endpoint).await;
    let replayed = subject.store.delivery_replay(&tenant, deliveries[0]).await;
    assert_eq!(replayed.expect("an answer"), Replayed::EndpointDeleted);
}

/// Nor in bulk, nor to an endpoint that was not there.
pub async fn an_expunged_event_is_not_replayed_in_bulk(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let (id, deliveries) = subject.publish_one(&tenant).await;
    subject.settle(dead(&subject.claim_one(deliveries[0]).await, DeadReason::Exhausted)).await;
    subject.expunge(&tenant, id).await;
    let late = subject.endpoint(&tenant).await;
    let of_late = Selection { endpoint: Some(named(&late)), ..Selection::default() };
    for (mode, selection) in [
        (ReplayMode::Again, Selection::default()),
        (ReplayMode::AsNew, Selection::default()),
        (ReplayMode::Missed, of_late),
    ] {
        let job = subject.replay_all(&tenant, replay_of(mode, selection)).await;
        assert_eq!((job.replayed, job.skipped), (0, 1), "{mode:?}");
    }
    assert_eq!(subject.deliveries(&tenant).await.len(), 1);
    subject.assert_all(&deliveries, DeliveryState::Dead).await;
}

/// By the id that its producer gave, and by nobody else.
pub async fn only_its_owner_expunges_an_event(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let (other, _) = subject.customer().await;
    let event = NewEvent { given_id: given("order.7"), ..event(&tenant) };
    subject.accept_one(event.clone()).await;
    for id in ["order.7".to_owned(), event.id.to_string()] {
        let answer = subject.store.event_expunge(&other, &id).await.expect("an answer");
        assert_eq!(answer, Expunged::Unknown);
    }
    assert!(!subject.stored(&tenant, event.id).await.payload.is_empty());
    let answer = subject.store.event_expunge(&tenant, "order.7").await.expect("an answer");
    assert_eq!(answer, Expunged::Expunged);
    let answer = subject.store.event_expunge(&tenant, "order.8").await.expect("an answer");
    assert_eq!(answer, Expunged::Unknown);
}

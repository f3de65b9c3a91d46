//! Conformance: a finished delivery can be sent again, and only a finished one.

use super::Subject;
use super::fixtures::{dead, ids, retry, success};
use crate::log::Replayed;
use crate::work::{Settled, WorkQueue};
use postrider_common::delivery::{DeadReason, DeliveryState};
use postrider_common::endpoint::Endpoint;
use postrider_common::id::{DeliveryId, EventId};
use postrider_common::tenant::TenantScope;
use std::time::Duration;

async fn replay(subject: &Subject, tenant: &TenantScope, id: DeliveryId) -> Replayed {
    subject.store.delivery_replay(tenant, id).await.expect("an answer")
}

/// Due at once, in the next round, its schedule from the start, its attempts numbered on.
pub async fn a_finished_delivery_is_replayed(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let first = subject.in_flight(&tenant).await;
    subject.settle(retry(&first, Duration::ZERO)).await;
    subject.feed(10).await;
    let second = subject.claim_one(first.id).await;
    subject.settle(dead(&second, DeadReason::Exhausted)).await;

    assert_eq!(replay(subject, &tenant, first.id).await, Replayed::Replayed);
    let stored = subject.delivery(&tenant, first.id).await;
    assert_eq!((stored.state, stored.round), (DeliveryState::Scheduled, 2));
    assert_eq!((stored.dead_reason, stored.finished_at), (None, None));
    assert_eq!(stored.attempts, 2);
    let fed = subject.feed(10).await;
    assert_eq!((ids(&fed), fed[0].queue), (vec![first.id], WorkQueue::Retry));
    let third = subject.claim_one(first.id).await;
    assert_eq!((third.attempt, third.progress.failures), (3, 0));

    subject.settle(success(&third)).await;
    assert_eq!(replay(subject, &tenant, first.id).await, Replayed::Replayed);
    subject.feed(10).await;
    let fourth = subject.claim_one(first.id).await;
    subject.settle(success(&fourth)).await;
    let attempts = subject.store.attempt_list(&tenant, first.id).await.expect("attempts");
    let rounds: Vec<_> = attempts.iter().map(|one| (one.number, one.round)).collect();
    assert_eq!(rounds, [(1, 1), (2, 1), (3, 2), (4, 3)]);
}

/// A delivery in flight, one that waits for a retry, a queued one, and a held one: their endpoint is off.
pub(super) async fn unfinished(
    subject: &Subject,
    tenant: &TenantScope,
    endpoint: &Endpoint,
) -> [(DeliveryId, DeliveryState); 4] {
    let claimed = subject.in_flight(tenant).await;
    let waiting = subject.in_flight(tenant).await;
    subject.settle(retry(&waiting, Duration::from_mins(10))).await;
    let queued = subject.queue(tenant, 1).await[0];
    subject.switch(tenant, endpoint, false).await;
    let held = subject.schedule(tenant, 1).await[0];
    [
        (claimed.id, DeliveryState::InFlight),
        (waiting.id, DeliveryState::Scheduled),
        (queued, DeliveryState::Queued),
        (held, DeliveryState::Held),
    ]
}

/// It says where the delivery stands.
pub async fn what_is_not_finished_is_not_replayed(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let unfinished = unfinished(subject, &tenant, &endpoint).await;
    for (id, state) in unfinished {
        assert_eq!(replay(subject, &tenant, id).await, Replayed::NotFinished(state));
        assert_eq!(subject.delivery(&tenant, id).await.round, 1);
    }
    let (waiting, _) = unfinished[1];
    assert!(subject.raw(waiting).await.due_in_s.expect("a due time") > 500.0);
    let unknown = DeliveryId::generate_for(EventId::generate());
    assert_eq!(replay(subject, &tenant, unknown).await, Replayed::Unknown);
}

/// There is nobody to send it to.
pub async fn a_deleted_endpoints_delivery_is_not_replayed(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let claimed = subject.in_flight(&tenant).await;
    subject.settle(success(&claimed)).await;
    subject.delete(&tenant, &endpoint).await;
    assert_eq!(replay(subject, &tenant, claimed.id).await, Replayed::EndpointDeleted);
    assert_eq!(subject.state(claimed.id).await, DeliveryState::Delivered);
}

/// Asked for twice, it is replayed once.
pub async fn a_second_replay_finds_it_unfinished(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let claimed = subject.in_flight(&tenant).await;
    subject.settle(success(&claimed)).await;
    assert_eq!(replay(subject, &tenant, claimed.id).await, Replayed::Replayed);
    let again = replay(subject, &tenant, claimed.id).await;
    assert_eq!(again, Replayed::NotFinished(DeliveryState::Scheduled));
    assert_eq!(subject.delivery(&tenant, claimed.id).await.round, 2);
}

/// Nothing of an earlier round settles a later one.
pub async fn a_token_of_an_earlier_round_is_superseded(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let claimed = subject.in_flight(&tenant).await;
    subject.settle(dead(&claimed, DeadReason::Aborted)).await;
    replay(subject, &tenant, claimed.id).await;
    assert_eq!(subject.settle(success(&claimed)).await, Settled::Superseded);
    assert_eq!(subject.state(claimed.id).await, DeliveryState::Scheduled);
}

/// Replayed while its endpoint is paused, it is held until that is resumed.
pub async fn a_replay_waits_for_its_endpoint(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let claimed = subject.in_flight(&tenant).await;
    subject.settle(success(&claimed)).await;
    subject.switch(&tenant, &endpoint, false).await;
    assert_eq!(replay(subject, &tenant, claimed.id).await, Replayed::Replayed);
    assert!(subject.feed(10).await.is_empty());
    subject.follow().await;
    assert_eq!(subject.state(claimed.id).await, DeliveryState::Held);
}

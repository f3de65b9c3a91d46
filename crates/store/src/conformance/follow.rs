//! Conformance: what waits for an endpoint follows when it is paused, resumed or deleted.

use super::Subject;
use super::fixtures::{gone, ids, retry};
use crate::endpoints::EndpointPatch;
use crate::follow::Followed;
use postrider_common::delivery::{DeadReason, DeliveryState};
use postrider_common::id::DeliveryId;
use postrider_common::ordering::OnFailure;
use std::time::Duration;

/// What was scheduled is held, with the time that it had.
pub async fn what_waits_for_a_paused_endpoint_is_held(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let claimed = subject.in_flight(&tenant).await;
    subject.settle(retry(&claimed, Duration::from_mins(10))).await;
    let mut waiting = subject.schedule(&tenant, 2).await;
    waiting.push(claimed.id);
    let (other, _) = subject.customer().await;
    let others = subject.schedule(&other, 2).await;
    subject.switch(&tenant, &endpoint, false).await;
    assert_eq!(subject.follow().await, 3);
    assert_eq!(subject.follow().await, 0, "there is nothing left to do");
    subject.assert_all(&waiting, DeliveryState::Held).await;
    subject.assert_all(&others, DeliveryState::Scheduled).await;
    assert!(subject.raw(claimed.id).await.due_in_s.expect("a due time") > 500.0);
}

/// Switched off by us.
pub async fn what_waits_for_a_disabled_endpoint_is_held(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let claimed = subject.in_flight(&tenant).await;
    let due = subject.schedule(&tenant, 2).await;
    subject.settle(gone(&claimed)).await;
    assert_eq!(subject.follow().await, 2);
    subject.assert_all(&due, DeliveryState::Held).await;
}

/// Those held at acceptance are due at once, in the order in which they were accepted; a retry waits
/// for its time.
pub async fn what_is_held_goes_on_when_its_endpoint_is_resumed(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let claimed = subject.in_flight(&tenant).await;
    subject.switch(&tenant, &endpoint, false).await;
    subject.settle(retry(&claimed, Duration::from_mins(10))).await;
    let mut held = Vec::new();
    for _ in 0..4 {
        held.extend(subject.schedule(&tenant, 1).await);
    }
    subject.assert_all(&held, DeliveryState::Held).await;
    assert_eq!(subject.follow().await, 0, "it is still paused");
    subject.switch(&tenant, &endpoint, true).await;
    subject.follow().await;
    subject.assert_all(&held, DeliveryState::Scheduled).await;
    assert!(subject.raw(claimed.id).await.due_in_s.expect("a due time") > 500.0);
    let mut fed = Vec::new();
    while let [next] = &subject.feed(1).await[..] {
        fed.push(next.delivery.id);
    }
    assert_eq!(fed, held);
}

/// Whether it was scheduled or held.
pub async fn what_waits_for_a_deleted_endpoint_is_dead(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let scheduled = subject.schedule(&tenant, 1).await;
    subject.switch(&tenant, &endpoint, false).await;
    let held = subject.schedule(&tenant, 1).await;
    subject.delete(&tenant, &endpoint).await;
    assert_eq!(subject.follow().await, 2);
    for id in [scheduled[0], held[0]] {
        let stored = subject.delivery(&tenant, id).await;
        assert_eq!(stored.state, DeliveryState::Dead);
        assert_eq!(stored.dead_reason, Some(DeadReason::EndpointDeleted));
        assert!(stored.finished_at.is_some() && stored.next_attempt_at.is_none());
        assert_eq!(stored.endpoint, endpoint.public_id, "the log still names it");
    }
}

/// In bounded steps, and all in the end.
pub async fn no_more_deliveries_follow_at_once_than_asked(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let (other, other_endpoint) = subject.customer().await;
    let mut due = subject.schedule(&tenant, 5).await;
    due.extend(subject.schedule(&other, 2).await);
    subject.switch(&tenant, &endpoint, false).await;
    subject.switch(&other, &other_endpoint, false).await;
    let mut moved = Vec::new();
    for _ in 0..4 {
        moved.push(step(subject, 3).await);
    }
    let followed = |moved, has_more| Followed { moved, has_more };
    assert_eq!(
        moved,
        [followed(2, true), followed(2, true), followed(3, true), followed(0, false)]
    );
    subject.assert_all(&due, DeliveryState::Held).await;
}

async fn step(subject: &Subject, limit: u32) -> Followed {
    subject.store.deliveries_follow_endpoints(limit).await.expect("an answer")
}

/// However much waits for one of them, each gets its share of a step, whatever it is that follows.
pub async fn endpoints_follow_side_by_side(subject: &Subject) {
    let both = [subject.customer().await, subject.customer().await];
    subject.schedule(&both[0].0, 20).await;
    let few = subject.schedule(&both[1].0, 2).await;
    for (tenant, endpoint) in &both {
        subject.switch(tenant, endpoint, false).await;
    }
    follows_by_shares(subject, &few, DeliveryState::Held).await;
    for (tenant, endpoint) in &both {
        subject.delete(tenant, endpoint).await;
    }
    follows_by_shares(subject, &few, DeliveryState::Dead).await;

    let both = [subject.ordered(OnFailure::GoOn).await, subject.ordered(OnFailure::GoOn).await];
    subject.accept_keys(&both[0].0, &["a"; 20]).await;
    let waiting = subject.accept_keys(&both[1].0, &["a"; 3]).await;
    for (tenant, endpoint) in &both {
        let patch = EndpointPatch { ordered_by_key: Some(false), ..EndpointPatch::default() };
        subject.patch(tenant, endpoint, patch).await;
    }
    follows_by_shares(subject, &waiting[1..], DeliveryState::Scheduled).await;
}

/// A step for four moves two of one endpoint and these two of the other; then the rest follows.
async fn follows_by_shares(subject: &Subject, two: &[DeliveryId], state: DeliveryState) {
    assert_eq!(step(subject, 4).await, Followed { moved: 4, has_more: true });
    subject.assert_all(two, state).await;
    while step(subject, 100).await.has_more {}
}

/// A step visits a part of those that something waits for, and the next one goes on from there.
pub async fn all_endpoints_are_followed_in_time(subject: &Subject) {
    let mut owners = Vec::new();
    for _ in 0..7 {
        let (tenant, endpoint) = subject.customer().await;
        subject.switch(&tenant, &endpoint, false).await;
        let held = subject.schedule(&tenant, 1).await;
        owners.push((tenant, endpoint, held));
    }
    for (tenant, endpoint, held) in owners {
        subject.switch(&tenant, &endpoint, true).await;
        for _ in 0..2 {
            step(subject, 1).await;
        }
        subject.assert_all(&held, DeliveryState::Scheduled).await;
    }
}

/// What is out with the broker or a dispatcher follows by claiming and settling.
pub async fn what_is_queued_or_in_flight_does_not_follow(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let claimed = subject.in_flight(&tenant).await;
    let queued = subject.queue(&tenant, 1).await;
    subject.switch(&tenant, &endpoint, false).await;
    assert_eq!(subject.follow().await, 0);
    assert_eq!(subject.state(claimed.id).await, DeliveryState::InFlight);
    subject.assert_all(&queued, DeliveryState::Queued).await;
    subject.switch(&tenant, &endpoint, true).await;
    assert!(ids(&subject.feed(10).await).is_empty());
}

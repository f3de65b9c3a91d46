//! Conformance: what waits for an endpoint follows when it is paused, resumed or deleted.

use super::Subject;
use super::fixtures::{gone, ids, retry};
use postrider_common::delivery::{DeadReason, DeliveryState};
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
        moved.push(subject.store.deliveries_follow_endpoints(3).await.expect("an answer"));
    }
    assert_eq!(moved, [3, 3, 1, 0]);
    subject.assert_all(&due, DeliveryState::Held).await;
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

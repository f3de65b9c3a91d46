//! Conformance: leases that nobody settled, and messages that nobody has.

use super::Subject;
use super::fixtures::{CONTRACT, MARGIN, ids, retry};
use crate::work::{LostRule, Reaped, TakenOver, WorkQueue};
use postrider_common::attempt::FailureKind;
use postrider_common::delivery::{DeadReason, DeliveryState};
use postrider_common::id::DeliveryId;
use std::time::Duration;

async fn reap(subject: &Subject, limit: u32) -> Vec<Reaped> {
    subject.store.deliveries_reap(limit).await.expect("an answer")
}

/// What reaping a first attempt gives.
fn lost(delivery: DeliveryId) -> Reaped {
    Reaped { delivery, attempt: 1, dead: None }
}

/// Due at once, the attempt on record as lost.
pub async fn a_lease_is_reaped_after_its_end(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let claimed = subject.in_flight(&tenant).await;
    let lease = (CONTRACT.1 + MARGIN).as_secs();
    subject.age(lease - 15).await;
    assert!(reap(subject, 10).await.is_empty(), "the lease has not ended");
    subject.age(15).await;
    assert_eq!(reap(subject, 10).await, [lost(claimed.id)]);
    assert!(reap(subject, 10).await.is_empty(), "it is reaped once");

    let raw = subject.raw(claimed.id).await;
    assert_eq!((raw.state.as_str(), raw.lease_left_s), ("scheduled", None));
    assert!(raw.due_in_s.expect("a due time") <= 0.0);
    let stored = subject.delivery(&tenant, claimed.id).await;
    assert_eq!((stored.last_failure, stored.last_status), (Some(FailureKind::Lost), None));

    let attempts = subject.store.attempt_list(&tenant, claimed.id).await.expect("attempts");
    assert_eq!(attempts.len(), 1);
    let record = &attempts[0].record;
    assert_eq!((attempts[0].number, attempts[0].round), (1, 1));
    assert_eq!((record.failure, &record.response), (Some(FailureKind::Lost), &None));
    assert_eq!(
        (record.url.as_str(), record.contract.as_str()),
        ("https://receiver.example/hook", CONTRACT.0,)
    );
    assert!(record.duration.as_secs() >= lease);
    assert!(record.request_headers.is_empty());
}

/// The next attempt has the next number, and the schedule is where it was.
pub async fn a_lost_attempt_costs_no_step(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let first = subject.in_flight(&tenant).await;
    subject.settle(retry(&first, Duration::ZERO)).await;
    subject.feed(10).await;
    let second = subject.claim_one(first.id).await;
    assert_eq!((second.attempt, second.progress.failures), (2, 1));
    subject.age(1_000).await;
    reap(subject, 10).await;
    assert_eq!(subject.feed(10).await[0].queue, WorkQueue::Retry);
    let third = subject.claim_one(first.id).await;
    assert_eq!((third.attempt, third.progress.failures), (3, 1));
}

/// A process that is alone need not wait for the leases of the one before, nor for its messages.
pub async fn what_an_earlier_process_left_is_taken_over(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let in_flight = subject.in_flight(&tenant).await;
    let queued = subject.queue(&tenant, 1).await[0];
    let taken = subject.store.deliveries_take_over().await.expect("an answer");
    assert_eq!(taken, TakenOver { leases: 1, queued: 1 });
    assert_eq!(subject.raw(queued).await.state, "scheduled");
    assert_eq!(reap(subject, 10).await, [lost(in_flight.id)]);
    let again = subject.store.deliveries_take_over().await.expect("an answer");
    assert_eq!(again, TakenOver { leases: 0, queued: 0 });

    let mut fed: Vec<_> = subject.feed(10).await.into_iter().map(|fed| fed.delivery.id).collect();
    fed.sort_unstable();
    let mut both = [in_flight.id, queued];
    both.sort_unstable();
    assert_eq!(fed, both);
}

/// Held while it is off; dead once it is deleted.
pub async fn a_reaped_delivery_follows_its_endpoint(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let held = subject.in_flight(&tenant).await;
    subject.switch(&tenant, &endpoint, false).await;
    subject.age(1_000).await;
    reap(subject, 10).await;
    assert_eq!(subject.state(held.id).await, DeliveryState::Held);

    subject.switch(&tenant, &endpoint, true).await;
    assert_eq!(subject.feed(10).await.len(), 1, "or what is new waits behind it");
    let dead = subject.in_flight(&tenant).await;
    subject.delete(&tenant, &endpoint).await;
    subject.age(1_000).await;
    reap(subject, 10).await;
    let stored = subject.delivery(&tenant, dead.id).await;
    assert_eq!(stored.dead_reason, Some(DeadReason::EndpointDeleted));
}

/// Those that ended first.
pub async fn no_more_leases_are_reaped_than_asked(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let mut expected = Vec::new();
    for _ in 0..5 {
        expected.push(subject.in_flight(&tenant).await.id);
        subject.age(1_000).await;
    }
    for expected in expected.chunks(2) {
        let mut reaped: Vec<_> = reap(subject, 2).await.iter().map(|one| one.delivery).collect();
        reaped.sort_by_key(|id| expected.iter().position(|other| other == id));
        assert_eq!(reaped, expected);
    }
}

async fn requeue(subject: &Subject, queue: WorkQueue, older_than: u64, limit: u32) -> u64 {
    let older_than = Duration::from_secs(older_than);
    let rule = LostRule { queue, older_than, limit };
    subject.store.deliveries_requeue_lost(rule).await.expect("an answer")
}

async fn longer(subject: &Subject, queue: WorkQueue, older_than: u64) -> u64 {
    let older_than = Duration::from_secs(older_than);
    subject.store.deliveries_queued_longer(queue, older_than).await.expect("a count")
}

/// Queued for longer than the rule says, and due at once then.
pub async fn a_lost_message_is_made_up_for(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let lost = subject.queue(&tenant, 2).await;
    subject.age(40).await;
    let fresh = subject.queue(&tenant, 1).await;
    assert_eq!(longer(subject, WorkQueue::First, 30).await, 2);
    assert_eq!(requeue(subject, WorkQueue::First, 60, 10).await, 0);
    assert_eq!(requeue(subject, WorkQueue::First, 30, 10).await, 2);
    assert_eq!(longer(subject, WorkQueue::First, 30).await, 0);
    subject.assert_all(&fresh, DeliveryState::Queued).await;
    let mut fed: Vec<DeliveryId> = ids(&subject.feed(10).await);
    fed.sort();
    let mut lost = lost;
    lost.sort();
    assert_eq!(fed, lost);
}

/// The oldest go first, as many as asked for.
pub async fn no_more_messages_are_made_up_for_than_asked(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let mut queued = Vec::new();
    for _ in 0..3 {
        queued.extend(subject.queue(&tenant, 1).await);
        subject.age(100).await;
    }
    assert_eq!(requeue(subject, WorkQueue::First, 30, 2).await, 2);
    subject.assert_all(&queued[..2], DeliveryState::Scheduled).await;
    subject.assert_all(&queued[2..], DeliveryState::Queued).await;
    assert_eq!(requeue(subject, WorkQueue::First, 30, 2).await, 1);
}

/// First attempts and retries are counted and made up for apart.
pub async fn lost_messages_of_one_queue_are_not_the_others(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let again = subject.in_flight(&tenant).await;
    subject.settle(retry(&again, Duration::ZERO)).await;
    subject.feed(10).await;
    let first = subject.queue(&tenant, 2).await;
    subject.age(100).await;
    assert_eq!(longer(subject, WorkQueue::First, 30).await, 2);
    assert_eq!(longer(subject, WorkQueue::Retry, 30).await, 1);
    assert_eq!(requeue(subject, WorkQueue::Retry, 30, 10).await, 1);
    assert_eq!(subject.state(again.id).await, DeliveryState::Scheduled);
    subject.assert_all(&first, DeliveryState::Queued).await;
}

/// A message that comes after all finds nothing to claim, or the delivery that is queued again.
pub async fn a_message_that_was_not_lost_sends_nothing_twice(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let id = subject.queue(&tenant, 1).await[0];
    subject.age(100).await;
    requeue(subject, WorkQueue::First, 30, 10).await;
    assert!(subject.claim(&[id]).await.events.is_empty(), "not queued");
    subject.feed(10).await;
    subject.claim_one(id).await;
    assert!(subject.claim(&[id]).await.events.is_empty(), "claimed by the first of two messages");
}

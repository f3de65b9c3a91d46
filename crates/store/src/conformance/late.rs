//! Conformance: what comes after a lease has ended. A success under a token that still stands is
//! written; anything else is not.

use super::Subject;
use super::fixtures::{retry, success};
use crate::work::{Claim, ClaimedDelivery, LostRule, Settled, WorkQueue};
use postrider_common::attempt::FailureKind;
use postrider_common::delivery::DeliveryState;
use postrider_common::tenant::TenantScope;
use std::time::Duration;

/// A delivery whose lease was reaped: waiting again, its attempt on record as lost.
async fn reaped(subject: &Subject, tenant: &TenantScope) -> ClaimedDelivery {
    let claimed = subject.in_flight(tenant).await;
    subject.age(1_000).await;
    let reaped = subject.store.deliveries_reap(10).await.expect("an answer");
    assert!(reaped.iter().any(|reaped| reaped.delivery == claimed.id));
    claimed
}

async fn assert_the_success_is_written(
    subject: &Subject,
    tenant: &TenantScope,
    claimed: &ClaimedDelivery,
) {
    assert_eq!(subject.settle(success(claimed)).await, Settled::AppliedLate);
    let stored = subject.delivery(tenant, claimed.id).await;
    assert_eq!((stored.state, stored.attempts), (DeliveryState::Delivered, 1));
    assert_eq!((stored.last_status, stored.last_failure), (Some(200), None));
    assert_eq!(stored.dead_reason, None);
    // The attempt's record is replaced.
    let attempts = subject.store.attempt_list(tenant, claimed.id).await.expect("attempts");
    assert_eq!(attempts.len(), 1);
    let (record, expected) = (&attempts[0].record, success(claimed).record);
    assert_eq!((attempts[0].number, record.failure), (1, None));
    assert_eq!(record.response, expected.response);
    assert_eq!(record.request_headers, expected.request_headers);
    assert_eq!((record.started_at, record.duration), (expected.started_at, expected.duration));
    // And only once.
    assert_eq!(subject.settle(success(claimed)).await, Settled::Superseded);
}

/// Nobody has claimed it since.
pub async fn a_late_success_of_a_scheduled_delivery_is_written(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let claimed = reaped(subject, &tenant).await;
    assert_eq!(subject.state(claimed.id).await, DeliveryState::Scheduled);
    assert_the_success_is_written(subject, &tenant, &claimed).await;
}

/// Its message is out again, and will find nothing to claim; also after that message was refused,
/// not taken by the broker, or lost.
pub async fn a_late_success_of_a_queued_delivery_is_written(subject: &Subject) {
    for step in 0..4 {
        let (tenant, _) = subject.customer().await;
        let claimed = reaped(subject, &tenant).await;
        subject.feed(10).await;
        let id = [claimed.id];
        match step {
            0 => {}
            1 => drop(subject.store.deliveries_refuse(&id, Duration::ZERO).await.expect("ok")),
            2 => drop(subject.store.deliveries_unqueue(&id).await.expect("an answer")),
            _ => {
                subject.age(1_000).await;
                let older_than = Duration::from_secs(30);
                let rule = LostRule { queue: WorkQueue::Retry, older_than, limit: 10 };
                subject.store.deliveries_requeue_lost(rule).await.expect("an answer");
            }
        }
        assert_the_success_is_written(subject, &tenant, &claimed).await;
        let late = subject.claim(&id).await;
        assert!(matches!(late.claims[..], [Claim::NotQueued]), "{:?}", late.claims);
    }
}

/// Paused in between, before it was fed or after.
pub async fn a_late_success_of_a_held_delivery_is_written(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    for fed in [false, true] {
        let claimed = reaped(subject, &tenant).await;
        if fed {
            subject.feed(10).await;
        }
        subject.switch(&tenant, &endpoint, false).await;
        subject.follow().await;
        subject.claim(&[claimed.id]).await;
        assert_eq!(subject.state(claimed.id).await, DeliveryState::Held);
        assert_the_success_is_written(subject, &tenant, &claimed).await;
        subject.switch(&tenant, &endpoint, true).await;
    }
}

/// What was delivered is not given up because its endpoint was deleted meanwhile.
pub async fn a_late_success_wins_over_a_deleted_endpoint(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let claimed = reaped(subject, &tenant).await;
    subject.delete(&tenant, &endpoint).await;
    subject.follow().await;
    assert_eq!(subject.state(claimed.id).await, DeliveryState::Dead);
    assert_the_success_is_written(subject, &tenant, &claimed).await;
}

/// The delivery goes out again anyway.
pub async fn a_late_failure_is_superseded(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let claimed = reaped(subject, &tenant).await;
    let late = retry(&claimed, Duration::from_mins(10));
    assert_eq!(subject.settle(late.clone()).await, Settled::Superseded);
    subject.feed(10).await;
    assert_eq!(subject.settle(late).await, Settled::Superseded);
    assert_eq!(subject.state(claimed.id).await, DeliveryState::Queued);
    let attempts = subject.store.attempt_list(&tenant, claimed.id).await.expect("attempts");
    assert_eq!(attempts.len(), 1);
    assert_eq!(attempts[0].record.failure, Some(FailureKind::Lost));
}

/// The new lease's outcome counts.
pub async fn a_success_after_the_next_claim_is_superseded(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let old = reaped(subject, &tenant).await;
    subject.feed(10).await;
    let new = subject.claim_one(old.id).await;
    assert_eq!(subject.settle(success(&old)).await, Settled::Superseded);
    assert_eq!(subject.state(old.id).await, DeliveryState::InFlight);
    assert_eq!(subject.settle(retry(&new, Duration::ZERO)).await, Settled::Applied);
    assert_eq!(subject.settle(success(&old)).await, Settled::Superseded);
}

/// A lease that is past its end but not reaped is still held.
pub async fn an_expired_lease_that_nobody_reaped_still_settles(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let claimed = subject.in_flight(&tenant).await;
    subject.age(1_000).await;
    let failed = retry(&claimed, Duration::from_mins(10));
    assert_eq!(subject.settle(failed).await, Settled::Applied);
    assert!(subject.store.deliveries_reap(10).await.expect("an answer").is_empty());
}

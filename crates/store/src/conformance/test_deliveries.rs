//! Conformance: a test goes to its endpoint whether that is on or off.

use super::Subject;
use super::fixtures::{gone, ids, retry, success};
use crate::work::{Claim, Settled};
use postrider_common::delivery::{DeadReason, DeliveryState};
use postrider_common::id::DeliveryId;
use postrider_common::tenant::TenantScope;
use std::time::Duration;

/// A test that is due.
async fn due_test(subject: &Subject, tenant: &TenantScope) -> DeliveryId {
    let id = subject.schedule(tenant, 1).await.remove(0);
    subject.hooks.make_test(id).await.expect("it is a test");
    id
}

/// A test that is due at an endpoint that its owner paused.
async fn of_a_paused_endpoint(subject: &Subject) -> DeliveryId {
    let (tenant, endpoint) = subject.customer().await;
    let id = due_test(subject, &tenant).await;
    subject.switch(&tenant, &endpoint, false).await;
    id
}

/// A test that is due at an endpoint that a receiver's answer switched off.
async fn of_a_disabled_endpoint(subject: &Subject) -> DeliveryId {
    let (tenant, _) = subject.customer().await;
    let id = due_test(subject, &tenant).await;
    let other = subject.in_flight(&tenant).await;
    assert!(!other.test);
    subject.settle(gone(&other)).await;
    id
}

/// It is not held, but fed, claimed and delivered.
pub async fn a_test_goes_out_while_its_endpoint_is_off(subject: &Subject) {
    for disabled in [false, true] {
        let id = if disabled {
            of_a_disabled_endpoint(subject).await
        } else {
            of_a_paused_endpoint(subject).await
        };
        assert_eq!(subject.follow().await, 0);
        assert_eq!(ids(&subject.feed(10).await), [id]);
        let claimed = subject.claim_one(id).await;
        assert!(claimed.test);
        assert_eq!(claimed.attempt, 1);
        assert_eq!(subject.settle(success(&claimed)).await, Settled::Applied);
        assert_eq!(subject.state(id).await, DeliveryState::Delivered);
    }
}

/// For its time, as if the endpoint were on.
pub async fn a_test_that_failed_waits_while_its_endpoint_is_off(subject: &Subject) {
    let id = of_a_disabled_endpoint(subject).await;
    subject.feed(10).await;
    let claimed = subject.claim_one(id).await;
    assert_eq!(subject.settle(retry(&claimed, Duration::from_mins(1))).await, Settled::Applied);
    assert_eq!(subject.state(id).await, DeliveryState::Scheduled);
    assert_eq!(subject.follow().await, 0);
    assert!(subject.feed(10).await.is_empty());
    subject.age(60).await;
    assert_eq!(ids(&subject.feed(10).await), [id]);
    assert_eq!(subject.claim_one(id).await.attempt, 2);
}

/// Its process died, and it goes out again.
pub async fn a_lost_test_is_due_again_while_its_endpoint_is_off(subject: &Subject) {
    let id = of_a_paused_endpoint(subject).await;
    subject.feed(10).await;
    subject.claim_one(id).await;
    subject.age(1_000).await;
    assert_eq!(subject.reap().await, [id]);
    assert_eq!(subject.state(id).await, DeliveryState::Scheduled);
    assert_eq!(ids(&subject.feed(10).await), [id]);
    assert_eq!(subject.claim_one(id).await.attempt, 2);
}

/// However much it is, and before the follower has held any of it.
pub async fn a_test_goes_by_what_waits_for_an_endpoint_that_is_off(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let waiting = subject.schedule(&tenant, 20).await;
    let id = due_test(subject, &tenant).await;
    let later = due_test(subject, &tenant).await;
    subject.hooks.postpone(later, Duration::from_mins(1)).await.expect("it is due later");
    subject.switch(&tenant, &endpoint, false).await;
    assert_eq!(ids(&subject.feed_capped(10, 3).await), [id]);
    assert!(subject.claim_one(id).await.test);
    assert_eq!(subject.follow().await, 20);
    subject.assert_all(&waiting, DeliveryState::Held).await;
    assert_eq!(subject.state(later).await, DeliveryState::Scheduled);
    subject.age(60).await;
    assert_eq!(ids(&subject.feed_capped(10, 3).await), [later]);
}

/// Wherever it is then.
pub async fn a_test_of_a_deleted_endpoint_is_dead(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let mut tests = Vec::new();
    for _ in 0..4 {
        tests.push(due_test(subject, &tenant).await);
        subject.age(1).await;
    }
    let [queued, settled, reaped, waiting] = tests[..] else {
        panic!("four tests");
    };
    assert_eq!(ids(&subject.feed(3).await), [queued, settled, reaped]);
    let claimed = subject.claim_one(settled).await;
    subject.claim_one(reaped).await;
    subject.delete(&tenant, &endpoint).await;

    assert!(subject.feed(10).await.is_empty());
    assert_eq!(subject.follow().await, 1);
    subject.settle(retry(&claimed, Duration::ZERO)).await;
    subject.age(1_000).await;
    assert_eq!(subject.reap().await, [reaped]);
    let claims = subject.claim(&[queued]).await.claims;
    assert!(matches!(claims[..], [Claim::EndpointDeleted]), "{claims:?}");
    for id in [queued, settled, reaped, waiting] {
        let reason = subject.delivery(&tenant, id).await.dead_reason;
        assert_eq!(reason, Some(DeadReason::EndpointDeleted));
    }
}

/// The receiver asked for it.
pub async fn a_test_waits_for_a_pause(subject: &Subject) {
    let id = of_a_paused_endpoint(subject).await;
    subject.feed(10).await;
    let pause = Duration::from_mins(1);
    subject.store.deliveries_refuse(&[id], pause).await.expect("an answer");
    assert!(subject.feed(10).await.is_empty());
    subject.age(60).await;
    assert_eq!(ids(&subject.feed(10).await), [id]);
}

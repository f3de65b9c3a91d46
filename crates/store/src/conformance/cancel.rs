//! Conformance: what is not sent yet can be cancelled, and nothing is sent of it then.

use super::Subject;
use super::fixtures::{dead, event, given, ids, queued, retry, success};
use crate::accept::NewEvent;
use crate::log::{Cancelled, EventCancelled, Replayed};
use crate::work::{Claim, Settled};
use postrider_common::delivery::{DeadReason, DeliveryState};
use postrider_common::id::{DeliveryId, EventId};
use postrider_common::tenant::TenantScope;
use std::time::Duration;

const LATER: Duration = Duration::from_mins(10);

async fn cancel(subject: &Subject, tenant: &TenantScope, id: DeliveryId) -> Cancelled {
    subject.store.delivery_cancel(tenant, id).await.expect("an answer")
}

async fn cancel_event(subject: &Subject, tenant: &TenantScope, id: &str) -> Option<EventCancelled> {
    subject.store.event_cancel(tenant, id).await.expect("an answer")
}

async fn assert_cancelled(subject: &Subject, tenant: &TenantScope, id: DeliveryId) {
    let stored = subject.delivery(tenant, id).await;
    let ended = (stored.state, stored.dead_reason);
    assert_eq!(ended, (DeliveryState::Dead, Some(DeadReason::Cancelled)));
    assert!(stored.finished_at.is_some());
    assert_eq!(stored.next_attempt_at, None);
}

/// One that has a message, one that waits for a retry, and one whose endpoint is off. No message and no
/// feeder brings them back.
pub async fn what_waits_is_cancelled(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let failed = subject.in_flight(&tenant).await;
    subject.settle(retry(&failed, LATER)).await;
    let named = subject.queue(&tenant, 1).await[0];
    subject.switch(&tenant, &endpoint, false).await;
    let held = subject.schedule(&tenant, 1).await[0];
    for id in [failed.id, named, held] {
        assert_eq!(cancel(subject, &tenant, id).await, Cancelled::Cancelled);
        assert_cancelled(subject, &tenant, id).await;
    }

    subject.switch(&tenant, &endpoint, true).await;
    assert_eq!(subject.follow().await, 0);
    subject.age(2 * LATER.as_secs()).await;
    assert!(subject.feed(10).await.is_empty());
    let claims = subject.claim(&[failed.id, named, held]).await.claims;
    assert!(claims.iter().all(|claim| matches!(claim, Claim::NotQueued)), "{claims:?}");
}

/// It says where the delivery stands, and leaves it there.
pub async fn what_is_sent_or_finished_is_not_cancelled(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let flying = subject.in_flight(&tenant).await;
    let delivered = subject.in_flight(&tenant).await;
    subject.settle(success(&delivered)).await;
    let given_up = subject.in_flight(&tenant).await;
    subject.settle(dead(&given_up, DeadReason::Exhausted)).await;
    for (id, state) in [
        (flying.id, DeliveryState::InFlight),
        (delivered.id, DeliveryState::Delivered),
        (given_up.id, DeliveryState::Dead),
    ] {
        assert_eq!(cancel(subject, &tenant, id).await, Cancelled::TooLate(state));
        assert_eq!(subject.state(id).await, state);
    }
    assert_eq!(subject.settle(success(&flying)).await, Settled::Applied);
}

/// Nor an event, nor what nobody has.
pub async fn another_tenants_delivery_is_not_cancelled(subject: &Subject) {
    let (owner, _) = subject.customer().await;
    let (other, _) = subject.customer().await;
    let new = event(&owner);
    let event = new.id.to_string();
    let id = queued(&subject.accept_one(new).await)[0];
    assert_eq!(cancel(subject, &other, id).await, Cancelled::Unknown);
    assert_eq!(cancel_event(subject, &other, &event).await, None);
    assert_eq!(subject.state(id).await, DeliveryState::Queued);
    let nobodys = DeliveryId::generate_for(EventId::generate());
    assert_eq!(cancel(subject, &owner, nobodys).await, Cancelled::Unknown);
    for name in [EventId::generate().to_string(), "no-such-event".to_owned()] {
        assert_eq!(cancel_event(subject, &owner, &name).await, None);
    }
}

/// By either name of the event; what is being sent and what is finished are counted and left.
pub async fn an_events_deliveries_are_cancelled_together(subject: &Subject) {
    let tenant = subject.tenant().await;
    for _ in 0..5 {
        subject.endpoint(&tenant).await;
    }
    let bystander = subject.queue(&tenant, 1).await;
    let new = NewEvent { given_id: given("order-17"), ..event(&tenant) };
    let own_id = new.id.to_string();
    let all = queued(&subject.accept_one(new).await);
    let flying = subject.claim_one(all[0]).await;
    let delivered = subject.claim_one(all[1]).await;
    subject.settle(success(&delivered)).await;
    let failed = subject.claim_one(all[2]).await;
    subject.settle(retry(&failed, LATER)).await;

    let counts =
        |cancelled, in_flight, finished| Some(EventCancelled { cancelled, in_flight, finished });
    assert_eq!(cancel_event(subject, &tenant, "order-17").await, counts(3, 1, 1));
    for id in &all[2..] {
        assert_cancelled(subject, &tenant, *id).await;
    }
    subject.settle(retry(&flying, LATER)).await;
    assert_eq!(cancel_event(subject, &tenant, &own_id).await, counts(1, 0, 4));
    assert_cancelled(subject, &tenant, flying.id).await;
    assert_eq!(cancel_event(subject, &tenant, &own_id).await, counts(0, 0, 5));
    subject.assert_all(&bystander, DeliveryState::Queued).await;
}

/// There is nothing to cancel of it.
pub async fn an_event_that_nobody_wanted_is_cancelled_as_it_is(subject: &Subject) {
    let tenant = subject.tenant().await;
    let new = event(&tenant);
    let id = new.id.to_string();
    subject.accept_one(new).await;
    assert_eq!(cancel_event(subject, &tenant, &id).await, Some(EventCancelled::default()));
}

/// The receiver has it, whatever was wanted meanwhile.
pub async fn a_late_success_wins_over_a_cancellation(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let claimed = subject.in_flight(&tenant).await;
    subject.age(claimed.lease.as_secs() + 1).await;
    assert_eq!(subject.reap().await, [claimed.id]);
    assert_eq!(cancel(subject, &tenant, claimed.id).await, Cancelled::Cancelled);
    assert_eq!(subject.settle(success(&claimed)).await, Settled::AppliedLate);
    assert_eq!(subject.state(claimed.id).await, DeliveryState::Delivered);
}

/// Whoever changes their mind replays it.
pub async fn what_was_cancelled_can_be_replayed(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let id = subject.queue(&tenant, 1).await[0];
    cancel(subject, &tenant, id).await;
    let replayed = subject.store.delivery_replay(&tenant, id).await.expect("an answer");
    assert_eq!(replayed, Replayed::Replayed);
    assert_eq!(ids(&subject.feed(10).await), [id]);
    let claimed = subject.claim_one(id).await;
    assert_eq!(claimed.attempt, 1);
    subject.settle(success(&claimed)).await;
}

/// A test counts for nothing.
pub async fn a_test_can_be_cancelled(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let id = subject.schedule(&tenant, 1).await[0];
    subject.hooks.make_test(id).await.expect("a test");
    assert_eq!(cancel(subject, &tenant, id).await, Cancelled::Cancelled);
    assert_cancelled(subject, &tenant, id).await;
}

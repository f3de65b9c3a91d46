//! Conformance: giving claims back, since their endpoint may get no more requests for now.

use super::Subject;
use super::fixtures::{ids, retry, success};
use crate::work::{ClaimedDelivery, Deferral, Settled, WorkQueue};
use postrider_common::delivery::DeliveryState;
use postrider_common::id::{DeliveryId, EventId, LeaseToken};
use std::time::Duration;

pub(super) fn deferral(claimed: &ClaimedDelivery, pause: u64) -> Deferral {
    let pause = Duration::from_secs(pause);
    Deferral { delivery: claimed.id, token: claimed.token, pause }
}

async fn defer(subject: &Subject, deferrals: &[Deferral]) -> u64 {
    subject.store.deliveries_defer(deferrals).await.expect("an answer")
}

/// As long overdue as before, with no attempt on record; the endpoint is fed nothing for the pause,
/// others are.
pub async fn a_deferred_claim_keeps_its_time_and_pauses_its_endpoint(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let (other, _) = subject.customer().await;
    let claimed = subject.in_flight(&tenant).await;
    subject.age(100).await;
    let others = subject.schedule(&other, 1).await;
    assert_eq!(defer(subject, &[deferral(&claimed, 50)]).await, 1);
    let raw = subject.raw(claimed.id).await;
    assert_eq!((raw.state.as_str(), raw.lease_left_s), ("scheduled", None));
    assert!(raw.due_in_s.expect("a due time") <= -100.0);
    assert_eq!(subject.delivery(&tenant, claimed.id).await.attempts, 0);

    // Nothing was sent under that token, so nothing can be settled under it.
    assert_eq!(subject.settle(success(&claimed)).await, Settled::Superseded);
    assert_eq!(ids(&subject.feed(10).await), others);
    subject.age(60).await;
    let fed = subject.feed(10).await;
    assert_eq!((ids(&fed), fed[0].queue), (vec![claimed.id], WorkQueue::First));
    assert_eq!(subject.claim_one(claimed.id).await.attempt, 1);
}

/// Of one endpoint's, in whatever order they come.
pub async fn the_longest_pause_counts(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let (other, rested) = subject.customer().await;
    let mut claimed = Vec::new();
    for _ in 0..5 {
        claimed.push(subject.in_flight(&tenant).await);
    }
    let others = subject.in_flight(&other).await;
    let long = [deferral(&claimed[0], 30), deferral(&claimed[1], 600), deferral(&claimed[2], 60)];
    let batch = [&long[..], &[deferral(&others, 90)]].concat();
    assert_eq!(defer(subject, &batch).await, 4);
    assert_eq!(defer(subject, &[deferral(&claimed[3], 10)]).await, 1);
    let now = subject.hooks.now().await.expect("the time");
    for (endpoint, pause) in [(&endpoint, 600), (&rested, 90)] {
        let until = subject.hooks.feed_after(endpoint.id).await.expect("an answer");
        let left = until.expect("it rests") - now;
        assert!((pause - 60..=pause).contains(&left.whole_seconds()), "{left} of {pause} s");
    }
    // A longer one counts from when it comes.
    defer(subject, &[deferral(&claimed[4], 3_600)]).await;
    subject.age(700).await;
    assert_eq!(ids(&subject.feed(10).await), [others.id]);
}

/// Of a claim that somebody else holds by now, of one that is settled, of an unknown delivery; their
/// endpoints do not rest either.
pub async fn a_deferral_without_the_lease_does_nothing(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let (held, settled) = (subject.in_flight(&tenant).await, subject.in_flight(&tenant).await);
    subject.settle(success(&settled)).await;
    let unknown = DeliveryId::generate_for(EventId::generate());
    let deferrals = [
        Deferral { token: LeaseToken::generate(), ..deferral(&held, 50) },
        deferral(&settled, 50),
        Deferral { delivery: unknown, ..deferral(&held, 50) },
    ];
    assert_eq!(defer(subject, &deferrals).await, 0);
    assert_eq!(defer(subject, &[]).await, 0);
    assert_eq!(subject.state(held.id).await, DeliveryState::InFlight);
    assert_eq!(subject.state(settled.id).await, DeliveryState::Delivered);
    assert_eq!(subject.hooks.feed_after(endpoint.id).await.expect("an answer"), None);

    // Twice in a batch is once.
    let twice = [deferral(&held, 50), deferral(&held, 50)];
    assert_eq!(defer(subject, &twice).await, 1);
    assert_eq!(subject.delivery(&tenant, held.id).await.attempts, 0);
}

/// Else what is accepted meanwhile would go past the feeder, and past what waits, for as long as pauses follow
/// one another. One that has room at any time needs none of that.
pub async fn a_pause_makes_a_backlog(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let is_backlogged = async || subject.hooks.is_backlogged(endpoint.id).await.expect("an answer");
    let claimed = [subject.in_flight(&tenant).await, subject.in_flight(&tenant).await];
    defer(subject, &[deferral(&claimed[0], 0)]).await;
    assert!(!is_backlogged().await);
    defer(subject, &[deferral(&claimed[1], 1)]).await;
    assert!(is_backlogged().await);
}

/// Held while it is off, and with the step of the schedule that it had.
pub async fn what_is_deferred_follows_its_endpoint(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let first = subject.in_flight(&tenant).await;
    subject.settle(retry(&first, Duration::ZERO)).await;
    subject.feed(10).await;
    let second = subject.claim_one(first.id).await;
    subject.switch(&tenant, &endpoint, false).await;
    assert_eq!(defer(subject, &[deferral(&second, 50)]).await, 1);
    assert_eq!(subject.state(first.id).await, DeliveryState::Scheduled);
    assert_eq!(subject.follow().await, 1);
    assert_eq!(subject.state(first.id).await, DeliveryState::Held);

    subject.switch(&tenant, &endpoint, true).await;
    subject.follow().await;
    subject.age(60).await;
    let fed = subject.feed(10).await;
    assert_eq!((ids(&fed), fed[0].queue), (vec![first.id], WorkQueue::Retry));
    let again = subject.claim_one(first.id).await;
    assert_eq!((again.attempt, again.progress.failures), (2, 1));
}

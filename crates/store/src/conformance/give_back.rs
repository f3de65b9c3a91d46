//! Conformance: giving back what is queued and is not sent now. Claims are `defer`'s.

use super::Subject;
use super::fixtures::{ids, retry, success};
use postrider_common::delivery::DeliveryState;
use postrider_common::id::{DeliveryId, EventId};
use std::time::Duration;

/// At the time that they had; the endpoint is fed nothing for the pause, others are.
pub async fn refused_deliveries_keep_their_time_and_pause_their_endpoint(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let (other, _) = subject.customer().await;
    let refused = subject.queue(&tenant, 3).await;
    subject.age(100).await;
    let others = subject.schedule(&other, 1).await;
    let pause = Duration::from_secs(50);
    let count = subject.store.deliveries_refuse(&refused, pause).await.expect("an answer");
    assert_eq!(count, 3);
    for id in &refused {
        let raw = subject.raw(*id).await;
        assert_eq!(raw.state, "scheduled");
        assert!(raw.due_in_s.expect("a due time") <= -100.0, "as long overdue as before");
    }
    assert_eq!(ids(&subject.feed(10).await), others);
    subject.age(60).await;
    assert_eq!(subject.feed(10).await.len(), 3);
}

/// A shorter pause counts like a longer one: from now.
pub async fn a_second_refusal_pauses_anew(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let both = subject.queue(&tenant, 2).await;
    for (id, pause) in both.iter().zip([3_600, 30]) {
        let pause = Duration::from_secs(pause);
        subject.store.deliveries_refuse(&[*id], pause).await.expect("an answer");
    }
    assert!(subject.feed(10).await.is_empty());
    subject.age(40).await;
    assert_eq!(subject.feed(10).await.len(), 2);
}

/// Those that are not queued are left alone, by refusing and by taking back.
pub async fn only_queued_deliveries_are_given_back(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let claimed = subject.in_flight(&tenant).await;
    let delivered = subject.in_flight(&tenant).await;
    subject.settle(success(&delivered)).await;
    let waiting = subject.in_flight(&tenant).await;
    subject.settle(retry(&waiting, Duration::from_mins(10))).await;
    let unknown = DeliveryId::generate_for(EventId::generate());
    let all = [claimed.id, delivered.id, waiting.id, unknown];
    let refused = subject.store.deliveries_refuse(&all, Duration::ZERO).await;
    assert_eq!(refused.expect("an answer"), 0);
    assert_eq!(subject.store.deliveries_unqueue(&all).await.expect("an answer"), 0);
    assert_eq!(subject.state(claimed.id).await, DeliveryState::InFlight);
    assert_eq!(subject.state(delivered.id).await, DeliveryState::Delivered);
    assert!(subject.raw(waiting.id).await.due_in_s.expect("a due time") > 500.0);
    // Nobody was refused anything, so nobody is paused.
    let due = subject.schedule(&tenant, 1).await;
    assert_eq!(ids(&subject.feed(10).await), due);
}

/// Nothing else of their endpoints: whoever had no room for them is somebody else.
pub async fn what_is_postponed_keeps_nothing_else_back(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let claimed = subject.in_flight(&tenant).await;
    let queued = subject.queue(&tenant, 2).await;
    let all = [queued[0], queued[1], claimed.id];
    let postponed = subject.store.deliveries_postpone(&all, Duration::from_mins(1)).await;
    assert_eq!(postponed.expect("an answer"), 2);
    assert_eq!(subject.state(claimed.id).await, DeliveryState::InFlight);
    let due_in = subject.raw(queued[0]).await.due_in_s.expect("a due time");
    assert!((50.0..=60.0).contains(&due_in), "{due_in} s");

    assert!(!subject.hooks.is_backlogged(endpoint.id).await.expect("an answer"));
    let due = subject.schedule(&tenant, 1).await;
    assert_eq!(ids(&subject.feed(10).await), due);
    subject.age(61).await;
    assert_eq!(subject.feed(10).await.len(), 2);
}

/// Due at once, and the feeder may take them straight away.
pub async fn what_the_broker_did_not_take_is_due_at_once(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let mut queued = subject.queue(&tenant, 3).await;
    let count = subject.store.deliveries_unqueue(&queued).await.expect("an answer");
    assert_eq!(count, 3);
    for id in &queued {
        let raw = subject.raw(*id).await;
        assert_eq!(raw.state, "scheduled");
        assert!(raw.due_in_s.expect("a due time") <= 0.0);
    }
    let mut fed = ids(&subject.feed(10).await);
    fed.sort();
    queued.sort();
    assert_eq!(fed, queued);
}

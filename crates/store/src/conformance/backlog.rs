//! Conformance: for how long the oldest deliveries have waited, and what the store says of itself.

use super::Subject;
use super::fixtures::retry;
use crate::work::Backlog;
use std::time::Duration;

/// How much later than asked for a time may be read, on a busy machine.
const SLACK: Duration = Duration::from_secs(30);

fn assert_about(waited: Option<Duration>, expected: Duration) {
    let waited = waited.expect("something waits");
    assert!(waited >= expected && waited < expected + SLACK, "{waited:?}");
}

async fn backlog(subject: &Subject) -> Backlog {
    subject.store.deliveries_backlog().await.expect("the backlog")
}

/// Nothing waits where there is nothing, nor where everything is in flight.
pub async fn an_empty_store_has_no_backlog(subject: &Subject) {
    assert_eq!(backlog(subject).await, Backlog::default());
    let (tenant, _) = subject.customer().await;
    subject.in_flight(&tenant).await;
    assert_eq!(backlog(subject).await, Backlog::default());
}

/// What is not due yet does not wait.
pub async fn what_is_due_counts_from_when_it_was_due(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let claimed = subject.in_flight(&tenant).await;
    subject.settle(retry(&claimed, Duration::from_mins(10))).await;
    assert_eq!(backlog(subject).await, Backlog::default());
    subject.age(600 + 120).await;
    let backlog = backlog(subject).await;
    assert_about(backlog.oldest_due, Duration::from_mins(2));
    assert_eq!(backlog.oldest_queued, None);
}

/// Younger ones do not hide the oldest.
pub async fn what_is_queued_counts_from_when_it_was_queued(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    subject.queue(&tenant, 1).await;
    subject.age(120).await;
    subject.queue(&tenant, 3).await;
    let backlog = backlog(subject).await;
    assert_about(backlog.oldest_queued, Duration::from_mins(2));
    assert_eq!(backlog.oldest_due, None);
}

/// Whichever endpoint it waits for.
pub async fn the_oldest_of_several_endpoints_counts(subject: &Subject) {
    for minutes in [3, 5, 4] {
        let (tenant, _) = subject.customer().await;
        subject.schedule(&tenant, 2).await;
        // What was there before ages with it.
        subject.age(minutes * 60).await;
    }
    assert_about(backlog(subject).await.oldest_due, Duration::from_mins(12));
}

/// Of what is open some is idle, and there is no more than the limit.
pub async fn connections_stay_within_their_limits(subject: &Subject) {
    subject.store.ping().await.expect("an answer");
    let pools = subject.store.pools();
    assert!(!pools.is_empty());
    for pool in &pools {
        assert!(pool.idle <= pool.open && pool.open <= pool.limit && pool.limit > 0, "{pool:?}");
    }
    assert!(pools.iter().any(|pool| pool.open > 0), "a ping takes a connection: {pools:?}");
}

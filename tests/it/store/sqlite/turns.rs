//! Writers take turns: callers wait for each other, and one that goes away leaves nothing behind.

use super::{store, store_in, subject};
use futures::future::join_all;
use postrider_common::id::EventId;
use postrider_store::conformance::Subject;
use postrider_store::conformance::fixtures::{event, given};
use postrider_store::{Acceptance as _, Accepted, NewEvent, QueueRoom};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

/// Wherever a caller stops waiting, its batch is accepted as a whole or not at all, and the next
/// one is.
#[tokio::test]
async fn a_caller_that_goes_away_leaves_nothing_half_done() {
    let subject = subject().await;
    let (tenant, _) = subject.customer().await;
    let room = QueueRoom::for_each(100);
    for steps in 1..=20 {
        let events: Vec<NewEvent> = (0..3)
            .map(|n| NewEvent { idempotency_key: given(&format!("{steps}-{n}")), ..event(&tenant) })
            .collect();
        let ended = steps_of(subject.store.events_accept(&events, &room), steps).await.is_some();
        let again = subject.accept(&events).await;
        let new = again.iter().filter(|one| matches!(one, Accepted::New { .. })).count();
        assert!(new == 0 || new == 3, "{again:?}");
        assert_eq!(subject.deliveries(&tenant).await.len(), steps * 3);
        assert!(!ended || new == 0, "it was accepted");
    }
}

/// Lets a future do so many steps and drops it; gives what it ended with, if it did.
async fn steps_of<T>(future: impl Future<Output = T>, steps: usize) -> Option<T> {
    let mut future = pin!(future);
    let mut left = steps;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

/// More callers than there are connections.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_fails_because_others_write() {
    let subject = subject().await;
    let (tenant, _) = subject.customer().await;
    let ids = subject.queue(&tenant, 80).await;
    let calls = ids.into_iter().map(|id| {
        let store = Arc::clone(&subject.store);
        tokio::spawn(async move { store.deliveries_refuse(&[id], Duration::ZERO).await })
    });
    for refused in join_all(calls).await {
        assert_eq!(refused.expect("no panic").expect("an answer"), 1);
    }
}

/// A second process on the same file waits for its turn as well, and notices what the first changed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_stores_on_one_file_agree() {
    let (first, folder) = store().await;
    let second = store_in(&folder);
    let subject = Subject::new(first, folder);
    let (tenant, _) = subject.customer().await;
    let room = QueueRoom::for_each(100);
    for n in 0..10 {
        subject.endpoint(&tenant).await;
        let same = |id| NewEvent { id, given_id: given(&format!("e{n}")), ..event(&tenant) };
        let batches = [EventId::generate(), EventId::generate()].map(|id| [same(id)]);
        let (one, other) = tokio::join!(
            subject.store.events_accept(&batches[0], &room),
            second.events_accept(&batches[1], &room),
        );
        let mut made = Vec::new();
        for accepted in [one, other].map(|accepted| accepted.expect("accepted").remove(0)) {
            match accepted {
                Accepted::New { deliveries, .. } => made.push(("new", deliveries)),
                Accepted::Duplicate { deliveries, .. } => made.push(("duplicate", deliveries)),
                other => panic!("{other:?}"),
            }
        }
        made.sort_unstable();
        assert_eq!(made, [("duplicate", n + 2), ("new", n + 2)]);
    }
}

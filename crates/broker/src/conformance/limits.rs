//! Conformance: how much a consumer holds, how much a queue holds, and what is counted.

use super::{PATIENCE, Subject, message, receive, receive_and_ack};
use crate::{Published, Queue};
use futures::FutureExt as _;
use futures::future::join_all;
use std::collections::HashSet;

/// The messages that a work queue holds.
const MAX_LENGTH: usize = 256;
/// An engine may notice a little late that its queue is full.
const OVERRUN: usize = 128;

/// Of ten messages, two are in hand; each ack makes room for one.
pub async fn a_consumer_has_no_more_in_hand_than_its_prefetch(subject: &Subject) {
    for _ in 0..10 {
        subject.publish(Queue::First, &message(1)).await;
    }
    let mut consumer = subject.broker.consume(Queue::First, 2).await;
    let (one, two) = (receive(&mut *consumer).await, receive(&mut *consumer).await);
    subject.until_ready(Queue::First, 8).await;
    assert!(consumer.next().now_or_never().is_none(), "two are in hand");
    one.ack().await;
    let three = receive(&mut *consumer).await;
    subject.until_ready(Queue::First, 7).await;
    assert!(consumer.next().now_or_never().is_none(), "two are in hand");
    two.ack().await;
    three.ack().await;
    subject.until_ready(Queue::First, 5).await;
}

/// Messages in hand do not count; those that come back do.
pub async fn ready_counts_what_nobody_has_in_hand(subject: &Subject) {
    subject.until_ready(Queue::First, 0).await;
    for _ in 0..5 {
        subject.publish(Queue::First, &message(1)).await;
    }
    subject.publish(Queue::Retry, &message(1)).await;
    subject.until_ready(Queue::First, 5).await;
    subject.until_ready(Queue::Retry, 1).await;
    let mut consumer = subject.broker.consume(Queue::First, 3).await;
    receive(&mut *consumer).await.ack().await;
    subject.until_ready(Queue::First, 1).await;
    drop(consumer);
    subject.until_ready(Queue::First, 4).await;
    subject.until_parked(0).await;
}

/// Each of many tasks that publish at once learns what became of its own message: those that were
/// confirmed arrive, and no others.
pub async fn concurrent_publishers_learn_whose_message_was_refused(subject: &Subject) {
    let publishers = (0..2 * (MAX_LENGTH + OVERRUN)).map(|_| {
        let broker = subject.broker.clone();
        tokio::spawn(async move {
            let message = message(1);
            (broker.publish(Queue::First, &message).await, message)
        })
    });
    let (mut confirmed, mut refused) = (HashSet::new(), 0);
    for publisher in join_all(publishers).await {
        let (answer, message) = publisher.expect("no panic");
        match answer.expect("an answer") {
            Published::Confirmed => assert!(confirmed.insert(message.items()[0].delivery)),
            Published::Refused => refused += 1,
        }
    }
    assert!(refused > 0, "a full queue refuses");
    let mut consumer = subject.broker.consume(Queue::First, 50).await;
    while !confirmed.is_empty() {
        let incoming = receive(&mut *consumer).await;
        assert!(confirmed.remove(&incoming.message().items()[0].delivery), "it was confirmed");
        incoming.ack().await;
    }
    subject.until_ready(Queue::First, 0).await;
    assert!(consumer.next().now_or_never().is_none(), "what was refused does not arrive");
}

/// A queue takes as many messages as it holds, then none, and once it is drained, some again.
pub async fn a_full_queue_refuses_until_it_is_drained(subject: &Subject) {
    let mut taken = 0;
    while subject.broker.publish(Queue::First, &message(1)).await.expect("an answer")
        == Published::Confirmed
    {
        taken += 1;
        assert!(taken <= MAX_LENGTH + OVERRUN, "a full queue refuses");
    }
    assert!(taken >= MAX_LENGTH, "a queue that holds {taken} is not full");
    // The other queue is not full.
    subject.publish(Queue::Retry, &message(1)).await;

    let mut consumer = subject.broker.consume(Queue::First, 50).await;
    for _ in 0..taken {
        receive(&mut *consumer).await.ack().await;
    }
    let again = message(2);
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while subject.broker.publish(Queue::First, &again).await.expect("an answer")
        == Published::Refused
    {
        assert!(tokio::time::Instant::now() < deadline, "a drained queue takes messages");
    }
    receive_and_ack(&mut *consumer, &again).await;
    subject.until_parked(0).await;
}

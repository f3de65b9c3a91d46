//! Conformance: a message stays the broker's until it is acked, and is then gone for good.

use super::{Subject, eventually, message, receive, receive_and_ack};
use crate::Queue;
use futures::FutureExt as _;

/// A consumer that came first is woken by the message.
pub async fn a_waiting_consumer_gets_what_is_published_later(subject: &Subject) {
    let mut consumer = subject.broker.consume(Queue::First, 1).await;
    let mut next = consumer.next();
    assert!((&mut next).now_or_never().is_none(), "the queue is empty");
    let late = message(1);
    subject.publish(Queue::First, &late).await;
    assert_eq!(next.await.message(), &late);
}

/// What comes to a second consumer starts behind what the first one acked.
pub async fn an_acked_message_never_comes_again(subject: &Subject) {
    let (acked, fence) = (message(1), message(1));
    subject.publish(Queue::First, &acked).await;
    let mut consumer = subject.broker.consume(Queue::First, 5).await;
    receive_and_ack(&mut *consumer, &acked).await;
    drop(consumer);
    subject.publish(Queue::First, &fence).await;
    let mut consumer = subject.broker.consume(Queue::First, 5).await;
    receive_and_ack(&mut *consumer, &fence).await;
}

/// Whoever still holds the message then: an ack that comes too late does nothing.
pub async fn an_unacked_message_comes_again_when_the_consumer_is_dropped(subject: &Subject) {
    let unacked = message(3);
    subject.publish(Queue::First, &unacked).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut consumer = subject.broker.consume(Queue::First, 1).await;
        let incoming = receive(&mut *consumer).await;
        assert_eq!(incoming.message(), &unacked);
        held.push(incoming);
        drop(consumer);
        subject.until_ready(Queue::First, 1).await;
        held[0].ack().await;
    }
}

/// Its place in the prefetch is free again, and the consumer gets it once more.
pub async fn a_dropped_message_comes_again_at_once(subject: &Subject) {
    let dropped = message(1);
    subject.publish(Queue::First, &dropped).await;
    let mut consumer = subject.broker.consume(Queue::First, 1).await;
    for _ in 0..3 {
        assert_eq!(receive(&mut *consumer).await.message(), &dropped);
    }
    receive_and_ack(&mut *consumer, &dropped).await;
    drop(consumer);
    let fence = message(1);
    subject.publish(Queue::First, &fence).await;
    let mut consumer = subject.broker.consume(Queue::First, 1).await;
    receive_and_ack(&mut *consumer, &fence).await;
}

/// Waits for a message that are given up at every point lose none and change no order.
pub async fn a_cancelled_wait_loses_nothing(subject: &Subject) {
    let messages: Vec<_> = (0..50).map(|_| message(1)).collect();
    let mut consumer = subject.broker.consume(Queue::First, 3).await;
    let mut received = Vec::new();
    for message in &messages {
        subject.publish(Queue::First, message).await;
        while let Some(incoming) = consumer.next().now_or_never() {
            incoming.ack().await;
            received.push(incoming.message().clone());
        }
    }
    while received.len() < messages.len() {
        let incoming = receive(&mut *consumer).await;
        incoming.ack().await;
        received.push(incoming.message().clone());
    }
    assert_eq!(received, messages);
}

/// With one message in the hand of each, neither gets the other's.
pub async fn two_consumers_share_a_queue(subject: &Subject) {
    let (a, b) = (message(1), message(2));
    let mut one = subject.broker.consume(Queue::First, 1).await;
    let mut two = subject.broker.consume(Queue::First, 1).await;
    subject.publish(Queue::First, &a).await;
    subject.publish(Queue::First, &b).await;
    let (first, second) = tokio::join!(receive(&mut *one), receive(&mut *two));
    let mut sizes = [first.message().items().len(), second.message().items().len()];
    sizes.sort_unstable();
    assert_eq!(sizes, [1, 2]);
    tokio::join!(first.ack(), second.ack());
    // What one leaves, the other takes.
    drop(one);
    let last = message(1);
    subject.publish(Queue::First, &last).await;
    receive_and_ack(&mut *two, &last).await;
    eventually(async || match subject.broker.ready(Queue::First).await {
        Ok(0) => Ok(()),
        other => Err(other),
    })
    .await;
}

//! Conformance: what is confirmed arrives, whole and in order, in the queue that it was sent to.

use super::{Subject, message, receive, receive_and_ack};
use crate::{MAX_DELIVERIES, Published, Queue};
use futures::future::join_all;
use postrider_common::trace::TraceContext;
use std::collections::HashSet;

/// Each message equals what was published, and the order is that of publishing.
pub async fn messages_come_whole_and_in_order(subject: &Subject) {
    let messages: Vec<_> = (1..=20).map(message).collect();
    for message in &messages {
        subject.publish(Queue::First, message).await;
    }
    let mut consumer = subject.broker.consume(Queue::First, 4).await;
    for message in &messages {
        receive_and_ack(&mut *consumer, message).await;
    }
}

/// Beside its bytes, whoever receives it and however often; one without a trace has none.
pub async fn a_message_comes_with_its_trace(subject: &Subject) {
    let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let trace = TraceContext::parse(text).expect("a traceparent");
    let (traced, untraced) = (message(2).with_trace(Some(trace)), message(2));
    for message in [&traced, &untraced] {
        subject.publish(Queue::First, message).await;
    }
    let mut consumer = subject.broker.consume(Queue::First, 1).await;
    drop(receive(&mut *consumer).await);
    let again = receive(&mut *consumer).await;
    assert_eq!((again.message(), again.message().trace()), (&traced, Some(trace)));
    again.ack().await;
    drop(again);
    let other = receive(&mut *consumer).await;
    assert_eq!((other.message(), other.message().trace()), (&untraced, None));
    other.ack().await;
}

/// A message of as many deliveries as one may name.
pub async fn the_largest_message_comes_whole(subject: &Subject) {
    let largest = message(MAX_DELIVERIES);
    assert_eq!(largest.items().len(), MAX_DELIVERIES);
    subject.publish(Queue::First, &largest).await;
    let mut consumer = subject.broker.consume(Queue::First, 1).await;
    receive_and_ack(&mut *consumer, &largest).await;
}

/// A consumer of one queue never sees the other's messages.
pub async fn the_queues_are_apart(subject: &Subject) {
    let (first, retry) = (message(1), message(2));
    subject.publish(Queue::Retry, &retry).await;
    subject.publish(Queue::First, &first).await;
    let mut of_first = subject.broker.consume(Queue::First, 1).await;
    receive_and_ack(&mut *of_first, &first).await;
    let mut of_retry = subject.broker.consume(Queue::Retry, 1).await;
    receive_and_ack(&mut *of_retry, &retry).await;
}

/// Many tasks publish at once; each is confirmed, and each message arrives once.
pub async fn concurrent_publishers_are_each_answered(subject: &Subject) {
    let messages: Vec<_> = (0..100).map(|_| message(1)).collect();
    let publishers = messages.iter().cloned().map(|message| {
        let broker = subject.broker.clone();
        tokio::spawn(async move { broker.publish(Queue::First, &message).await })
    });
    for published in join_all(publishers).await {
        let published = published.expect("no panic").expect("published");
        assert_eq!(published, Published::Confirmed);
    }
    let mut consumer = subject.broker.consume(Queue::First, 10).await;
    let mut missing: HashSet<_> = messages.iter().map(|m| m.items()[0].delivery).collect();
    while !missing.is_empty() {
        let incoming = super::receive(&mut *consumer).await;
        assert!(missing.remove(&incoming.message().items()[0].delivery), "comes once");
        incoming.ack().await;
    }
}

//! Conformance: a broker that was closed answers, and answers at once.

use super::{Subject, message, receive};
use crate::{BrokerError, Published, Queue};
use futures::FutureExt as _;
use futures::future::join_all;

/// Every call says so, and closing twice is closing once.
pub async fn a_closed_broker_answers_at_once(subject: &Subject) {
    subject.broker.close().await;
    subject.broker.close().await;
    let message = message(1);
    let answers = [
        subject.broker.publish(Queue::First, &message).now_or_never().map(|done| done.map(drop)),
        subject.broker.ready(Queue::First).now_or_never().map(|done| done.map(drop)),
        subject.broker.parked().now_or_never().map(|done| done.map(drop)),
        subject.broker.ping().now_or_never(),
    ];
    for answer in answers {
        assert!(matches!(answer, Some(Err(BrokerError::Closed))), "{answer:?}");
    }
}

/// Nothing hangs: a message is confirmed, or there is an error.
pub async fn what_is_in_flight_when_the_broker_closes_is_answered(subject: &Subject) {
    let publishers: Vec<_> = (0..100)
        .map(|_| {
            let broker = subject.broker.clone();
            tokio::spawn(async move { broker.publish(Queue::First, &message(256)).await })
        })
        .collect();
    subject.broker.close().await;
    for answer in join_all(publishers).await {
        let answer = answer.expect("no panic");
        assert!(
            matches!(answer, Ok(Published::Confirmed) | Err(BrokerError::Closed)),
            "{answer:?}"
        );
    }
}

/// It ends by waiting, not by a panic or an invented message; its message can still be acked, which
/// does nothing.
pub async fn a_consumer_of_a_closed_broker_waits(subject: &Subject) {
    subject.publish(Queue::First, &message(1)).await;
    let mut consumer = subject.broker.consume(Queue::First, 1).await;
    let in_hand = receive(&mut *consumer).await;
    subject.broker.close().await;
    in_hand.ack().await;
    assert!(consumer.next().now_or_never().is_none());
    let mut late = subject.broker.consume(Queue::First, 1).await;
    assert!(late.next().now_or_never().is_none());
}

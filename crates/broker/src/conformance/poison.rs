//! Conformance: bytes that are no message are set aside, and nobody is held up by them.

use super::{Subject, message, receive_and_ack};
use crate::{MAX_DELIVERIES, Published, Queue};
use bytes::Bytes;

/// Garbage, another version, too many deliveries, none, ten megabytes: all are parked. The messages
/// before and after them arrive.
pub async fn what_cannot_be_read_is_parked_and_the_consumer_lives_on(subject: &Subject) {
    let (before, after) = (message(1), message(2));
    subject.publish(Queue::First, &before).await;
    let poison = poison();
    let count = poison.len();
    for body in poison {
        let published = subject.hooks.publish_raw(Queue::First, body).await;
        assert_eq!(published.expect("published"), Published::Confirmed);
    }
    subject.publish(Queue::First, &after).await;

    let mut consumer = subject.broker.consume(Queue::First, 1).await;
    receive_and_ack(&mut *consumer, &before).await;
    receive_and_ack(&mut *consumer, &after).await;
    subject.until_parked(count.try_into().expect("a small number")).await;
    subject.until_ready(Queue::First, 0).await;
}

fn poison() -> Vec<Bytes> {
    let encoded = message(1).encode().expect("encoded");
    let good = std::str::from_utf8(&encoded).expect("JSON");
    let (head, tail) = good.split_once('[').expect("a list");
    let item = tail.strip_suffix("]}").expect("the end of the list");
    let too_many = vec![item; MAX_DELIVERIES + 1].join(",");
    let texts = [
        String::new(),
        "garbage".to_owned(),
        "\0\u{1}\u{2}".to_owned(),
        good[..good.len() - 1].to_owned(),
        good.replacen("\"version\":1", "\"version\":2", 1),
        format!("{head}[]}}"),
        format!("{head}[{too_many}]}}"),
        " ".repeat(10_000_000) + good,
    ];
    texts.into_iter().map(Bytes::from).chain([Bytes::from_static(b"\xff\xfe\xfd")]).collect()
}

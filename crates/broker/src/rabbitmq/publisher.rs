//! Publishing with confirms. Any number of tasks share the one channel.

use super::link::Link;
use crate::broker::Published;
use crate::error::BrokerError;
use lapin::options::BasicPublishOptions;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{BasicProperties, Confirmation};
use postrider_common::trace::TraceContext;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

/// A message that the broker writes to disk.
const PERSISTENT: u8 = 2;

/// Publishes to a queue, by its name, and waits until the broker confirms or refuses it. A link
/// that loses messages or does not answer is given up.
pub(super) async fn publish(
    link: &Link,
    queue: ShortString,
    body: &[u8],
    headers: Option<FieldTable>,
) -> Result<Published, BrokerError> {
    if link.is_blocked() {
        return Err(BrokerError::Blocked);
    }
    let confirmation = link.answer(confirmed(link, queue, body, headers)).await;
    match &confirmation {
        Ok(Confirmation::Ack(None) | Confirmation::Nack(None)) => {}
        Ok(Confirmation::Ack(Some(_)) | Confirmation::Nack(Some(_))) => {
            link.give_up("a queue is missing: a message came back");
        }
        // A new connection would be as blocked as this one.
        Err(BrokerError::TimedOut) if link.is_blocked() => {}
        Err(BrokerError::TimedOut) => link.give_up("a message was not confirmed in time"),
        Ok(Confirmation::NotRequested) | Err(_) => link.give_up("messages cannot be published"),
    }
    match confirmation? {
        Confirmation::Ack(None) => Ok(Published::Confirmed),
        // Without a confirm, the message is as good as refused.
        Confirmation::Ack(Some(_)) | Confirmation::Nack(_) | Confirmation::NotRequested => {
            Ok(Published::Refused)
        }
    }
}

/// The headers of a message that is part of a trace; without one it has none.
pub(super) fn headers(trace: Option<TraceContext>) -> Option<FieldTable> {
    let mut headers = FieldTable::default();
    let value = AMQPValue::LongString(trace?.to_string().into());
    headers.insert(TraceContext::NAME.into(), value);
    Some(headers)
}

async fn confirmed(
    link: &Link,
    queue: ShortString,
    body: &[u8],
    headers: Option<FieldTable>,
) -> lapin::Result<Confirmation> {
    let options = BasicPublishOptions { mandatory: true, immediate: false };
    let mut properties = BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_content_type("application/json".into());
    if let Some(headers) = headers {
        properties = properties.with_headers(headers);
    }
    let sending =
        link.channel().basic_publish(ShortString::default(), queue, options, body, properties);
    let mut sending = pin!(sending);
    // The client numbers a message and then queues its frames, both when it is first polled. Were
    // another task's message to come between, each would be told of the other's confirm.
    let first = poll_fn(|context| {
        let _order = link.publish_order();
        Poll::Ready(sending.as_mut().poll(context))
    });
    let confirm = match first.await {
        Poll::Ready(sent) => sent?,
        Poll::Pending => sending.await?,
    };
    confirm.await
}

//! Consuming: a task per consumer subscribes on a channel of its own, again on every new
//! connection, and hands over what it receives.

use super::line::Line;
use super::link::{ANSWER_TIMEOUT, Link};
use crate::broker::{Consumer, Incoming};
use crate::message::WorkMessage;
use async_trait::async_trait;
use futures::{FutureExt as _, StreamExt as _};
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions, BasicRejectOptions,
};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{Acker, Channel};
use postrider_common::trace::TraceContext;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

/// Starts a consumer; it ends when it is dropped, or with the line.
pub(super) fn start(
    line: Line,
    queue: ShortString,
    prefetch: u16,
    tasks: &TaskTracker,
) -> RabbitConsumer {
    // The prefetch is the bound; what waits here counts towards it.
    let (sender, receiver) = mpsc::channel(1);
    // To RabbitMQ, 0 would be no limit.
    let subscriber = Subscriber { queue, prefetch: prefetch.max(1), sender };
    tasks.spawn(subscriber.run(line));
    RabbitConsumer { receiver }
}

pub(super) struct RabbitConsumer {
    receiver: mpsc::Receiver<RabbitIncoming>,
}

#[async_trait]
impl Consumer for RabbitConsumer {
    async fn next(&mut self) -> Box<dyn Incoming> {
        while let Some(incoming) = self.receiver.recv().await {
            // What came over a connection that is gone comes again.
            if incoming.acker.usable() {
                return Box::new(incoming);
            }
        }
        std::future::pending().await
    }
}

struct RabbitIncoming {
    message: WorkMessage,
    acker: Acker,
}

#[async_trait]
impl Incoming for RabbitIncoming {
    fn message(&self) -> &WorkMessage {
        &self.message
    }

    async fn ack(&self) {
        let acked = self.acker.ack(BasicAckOptions::default());
        if !matches!(tokio::time::timeout(ANSWER_TIMEOUT, acked).await, Ok(Ok(true))) {
            tracing::debug!("a message was not acked: its connection is gone, it will come again");
        }
    }
}

impl Drop for RabbitIncoming {
    fn drop(&mut self) {
        // Without an ack, somebody gave it up or panicked. This hands the order to the client's
        // own task, and does nothing if the message was acked or its connection is gone.
        let requeue = BasicNackOptions { requeue: true, multiple: false };
        let _ = self.acker.nack(requeue).now_or_never();
    }
}

struct Subscriber {
    queue: ShortString,
    prefetch: u16,
    sender: mpsc::Sender<RabbitIncoming>,
}

impl Subscriber {
    async fn run(self, mut connections: Line) {
        loop {
            let link = tokio::select! {
                () = self.sender.closed() => return,
                link = connections.up() => link,
            };
            let Some(link) = link else { return };
            let subscribed = link.answer(self.subscribe(&link)).await;
            let Ok((channel, mut deliveries)) = subscribed else {
                link.give_up("a queue cannot be consumed");
                continue;
            };
            self.hand_over(&mut deliveries).await;
            if !self.sender.is_closed() {
                link.give_up("the broker cancelled a consumer");
                continue;
            }
            // With the channel end its deliveries: they are dropped after it, or the client would
            // cancel them beside, and take a lost race between the two for a broken connection.
            let closed = channel.close(lapin::protocol::constants::REPLY_SUCCESS, "OK".into());
            let _ = link.answer(closed).await;
            return;
        }
    }

    async fn subscribe(&self, link: &Link) -> lapin::Result<(Channel, lapin::Consumer)> {
        let channel = link.new_channel().await?;
        channel.basic_qos(self.prefetch, BasicQosOptions::default()).await?;
        let (tag, options) = (ShortString::default(), BasicConsumeOptions::default());
        let arguments = FieldTable::default();
        let deliveries = channel.basic_consume(self.queue.clone(), tag, options, arguments).await?;
        Ok((channel, deliveries))
    }

    /// Until the subscription ends or the consumer is dropped.
    async fn hand_over(&self, deliveries: &mut lapin::Consumer) {
        loop {
            let delivery = tokio::select! {
                () = self.sender.closed() => return,
                delivery = deliveries.next() => delivery,
            };
            let Some(Ok(delivery)) = delivery else { return };
            let Some(incoming) = self.decode(delivery).await else {
                continue;
            };
            if self.sender.send(incoming).await.is_err() {
                return;
            }
        }
    }

    /// The message; one that cannot be read is parked.
    async fn decode(&self, delivery: Delivery) -> Option<RabbitIncoming> {
        match WorkMessage::decode(&delivery.data) {
            Ok(message) => {
                let message = message.with_trace(trace(&delivery));
                Some(RabbitIncoming { message, acker: delivery.acker })
            }
            Err(reason) => {
                let size_bytes = delivery.data.len();
                tracing::warn!(queue = %self.queue, size_bytes, %reason, "parked a message");
                let park = BasicRejectOptions { requeue: false };
                let parked = delivery.acker.reject(park);
                // If it does not succeed, the message comes again, and this with it.
                let _ = tokio::time::timeout(ANSWER_TIMEOUT, parked).await;
                None
            }
        }
    }
}

/// The trace that a message's headers name. One that is malformed is as if it were not there.
fn trace(delivery: &Delivery) -> Option<TraceContext> {
    let headers = delivery.properties.headers().as_ref()?;
    match headers.inner().get(TraceContext::NAME)? {
        AMQPValue::LongString(text) => TraceContext::of_header([text.as_bytes()]),
        _ => None,
    }
}

//! What the services ask of a broker.

use crate::error::BrokerError;
use crate::message::WorkMessage;
use async_trait::async_trait;
use std::sync::Arc;

/// A work queue. Its name on the broker carries a version, so that its arguments can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Queue {
    /// First attempts: `deliveries.first.v1`.
    First,
    /// Retries: `deliveries.retry.v1`.
    Retry,
}

impl Queue {
    /// Both queues.
    pub const ALL: [Self; 2] = [Self::First, Self::Retry];

    /// The queue's name on the broker.
    pub fn name(self) -> &'static str {
        match self {
            Self::First => "deliveries.first.v1",
            Self::Retry => "deliveries.retry.v1",
        }
    }
}

/// What became of a message that was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// The broker holds it.
    Confirmed,
    /// The broker refused it, most likely because the queue is full.
    Refused,
}

/// A message that was received. Dropped without an ack, it goes back to its queue at once; when its
/// consumer is dropped, it goes back whoever holds it.
#[async_trait]
pub trait Incoming: Send + Sync {
    /// The message.
    fn message(&self) -> &WorkMessage;

    /// Takes the message off the queue. On a connection that is gone this does nothing: the broker
    /// delivers the message again.
    async fn ack(&self);
}

/// Receives messages of one queue. It outlives connections: while the broker is away, `next` waits;
/// after [`Broker::close`] it waits for ever.
#[async_trait]
pub trait Consumer: Send {
    /// Waits for the next message that can be decoded; others are parked. Cancel-safe.
    async fn next(&mut self) -> Box<dyn Incoming>;
}

/// Carries work.
#[async_trait]
pub trait Broker: Send + Sync {
    /// What traces call it: its product, as OpenTelemetry's `messaging.system` has it.
    fn system(&self) -> &'static str;

    /// Publishes a message and waits, for a bounded time, until the broker confirms or refuses it.
    /// While there is no connection the answer is an error, at once. An error leaves open whether
    /// the broker has the message.
    async fn publish(&self, queue: Queue, message: &WorkMessage) -> Result<Published, BrokerError>;

    /// Starts to consume a queue, at most `prefetch` (at least 1) messages without an ack at a time.
    /// Messages come in the order in which they were published, but for those that come again.
    async fn consume(&self, queue: Queue, prefetch: u16) -> Box<dyn Consumer>;

    /// How many messages are ready in a queue: not yet handed to a consumer.
    async fn ready(&self, queue: Queue) -> Result<u64, BrokerError>;

    /// How many messages are parked because nobody could decode them.
    async fn parked(&self) -> Result<u64, BrokerError>;

    /// Whether the broker can be reached now.
    async fn ping(&self) -> Result<(), BrokerError>;

    /// Closes the connections. Consumers end, and what they had in hand goes back; every later call
    /// answers [`BrokerError::Closed`].
    async fn close(&self);
}

/// A broker of whichever engine, shared by everything in a process.
pub type SharedBroker = Arc<dyn Broker>;

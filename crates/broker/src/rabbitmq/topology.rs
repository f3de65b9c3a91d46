//! The queues and the exchange: their names, their arguments, their declaration.
//!
//! The work queues are short and refuse what they cannot hold. What is rejected from them, or was
//! delivered a hundred times, goes through the exchange into the parked queue.

use super::link::LinkError;
use crate::broker::Queue;
use crate::config::BrokerPrefix;
use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{Channel, ErrorKind, ExchangeKind};

/// The parked queue and the exchange before it.
const PARKED: &str = "deliveries.parked.v1";
/// The messages that a work queue holds. Long queues would make tenants wait for each other.
const MAX_LENGTH: i64 = 256;
/// Deliveries of one message before it is parked: a safety net, for a dying consumer raises the
/// count of every message that it has in hand.
const DELIVERY_LIMIT: i64 = 100;

/// The names, each with the environment's prefix.
pub(super) struct Topology {
    first: ShortString,
    retry: ShortString,
    parked: ShortString,
}

impl Topology {
    pub(super) fn new(prefix: &BrokerPrefix) -> Self {
        let name = |name: &str| ShortString::from(format!("{prefix}{name}"));
        Self {
            first: name(Queue::First.name()),
            retry: name(Queue::Retry.name()),
            parked: name(PARKED),
        }
    }

    pub(super) fn queue(&self, queue: Queue) -> ShortString {
        match queue {
            Queue::First => self.first.clone(),
            Queue::Retry => self.retry.clone(),
        }
    }

    pub(super) fn parked(&self) -> ShortString {
        self.parked.clone()
    }

    /// Declares everything; what is already there stays as it is.
    pub(super) async fn declare(&self, channel: &Channel) -> Result<(), LinkError> {
        let parked = self.parked();
        let durable = ExchangeDeclareOptions { durable: true, ..Default::default() };
        channel
            .exchange_declare(parked.clone(), ExchangeKind::Fanout, durable, FieldTable::default())
            .await
            .map_err(|error| explain(&parked, error))?;
        declare_queue(channel, &parked, quorum()).await?;
        channel
            .queue_bind(
                parked.clone(),
                parked,
                ShortString::default(),
                QueueBindOptions::default(),
                FieldTable::default(),
            )
            .await?;
        for queue in Queue::ALL {
            declare_queue(channel, &self.queue(queue), self.work_queue()).await?;
        }
        Ok(())
    }

    /// Deletes everything; what is not there is no error.
    #[cfg(feature = "conformance")]
    pub(super) async fn delete(&self, channel: &Channel) -> lapin::Result<()> {
        use lapin::options::{ExchangeDeleteOptions, QueueDeleteOptions};
        for queue in [&self.first, &self.retry, &self.parked] {
            channel.queue_delete(queue.clone(), QueueDeleteOptions::default()).await?;
        }
        channel.exchange_delete(self.parked(), ExchangeDeleteOptions::default()).await
    }

    fn work_queue(&self) -> FieldTable {
        let mut arguments = quorum();
        arguments.insert("x-max-length".into(), AMQPValue::LongLongInt(MAX_LENGTH));
        arguments.insert("x-overflow".into(), AMQPValue::LongString("reject-publish".into()));
        arguments.insert("x-delivery-limit".into(), AMQPValue::LongLongInt(DELIVERY_LIMIT));
        let exchange = AMQPValue::LongString(self.parked.as_str().into());
        arguments.insert("x-dead-letter-exchange".into(), exchange);
        arguments
    }
}

/// How many messages are ready in a queue. A queue that does not exist costs the channel.
pub(super) async fn count(channel: &Channel, queue: ShortString) -> Result<u64, LinkError> {
    let passive = QueueDeclareOptions::durable().passive();
    let answer = channel.queue_declare(queue, passive, FieldTable::default()).await?;
    Ok(answer.message_count().into())
}

fn quorum() -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    arguments
}

async fn declare_queue(
    channel: &Channel,
    name: &ShortString,
    arguments: FieldTable,
) -> Result<(), LinkError> {
    let declared = channel.queue_declare(name.clone(), QueueDeclareOptions::durable(), arguments);
    declared.await.map(drop).map_err(|error| explain(name, error))
}

fn explain(name: &ShortString, error: lapin::Error) -> LinkError {
    let refused = AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED);
    match error.kind() {
        ErrorKind::ProtocolError(protocol) if *protocol.kind() == refused => {
            LinkError::Misdeclared { name: name.to_string() }
        }
        _ => error.into(),
    }
}

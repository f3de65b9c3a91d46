//! The adapter that runs in the process itself, for one machine: two queues in memory.
//!
//! It is as forgetful as a broker may be: what it holds is gone with the process, and the store's
//! rules for what was lost find it again. Its bounds and its order are those of the RabbitMQ
//! adapter, so that both behave alike under load.

mod consumer;
mod queue;

#[cfg(feature = "conformance")]
mod hooks;

use crate::broker::{Broker, Consumer, Published, Queue};
use crate::error::BrokerError;
use crate::message::WorkMessage;
use async_trait::async_trait;
use consumer::QueueConsumer;
use queue::MessageQueue;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio_util::sync::CancellationToken;

/// A broker in memory.
#[derive(Debug, Default)]
pub struct InProcessBroker {
    first: Arc<MessageQueue>,
    retry: Arc<MessageQueue>,
    /// What was no message; here it never gets into a queue.
    parked: Arc<AtomicU64>,
    closed: CancellationToken,
}

impl InProcessBroker {
    /// A broker with empty queues.
    pub fn new() -> Self {
        Self::default()
    }

    fn open_queue(&self, queue: Queue) -> Result<&Arc<MessageQueue>, BrokerError> {
        if self.closed.is_cancelled() {
            return Err(BrokerError::Closed);
        }
        Ok(self.queue(queue))
    }

    fn queue(&self, queue: Queue) -> &Arc<MessageQueue> {
        match queue {
            Queue::First => &self.first,
            Queue::Retry => &self.retry,
        }
    }
}

#[async_trait]
impl Broker for InProcessBroker {
    fn system(&self) -> &'static str {
        "in_process"
    }

    async fn publish(&self, queue: Queue, message: &WorkMessage) -> Result<Published, BrokerError> {
        Ok(self.open_queue(queue)?.push(message.clone()))
    }

    async fn consume(&self, queue: Queue, prefetch: u16) -> Box<dyn Consumer> {
        let queue = Arc::clone(self.queue(queue));
        Box::new(QueueConsumer::start(queue, prefetch, &self.closed))
    }

    async fn ready(&self, queue: Queue) -> Result<u64, BrokerError> {
        Ok(self.open_queue(queue)?.ready())
    }

    async fn parked(&self) -> Result<u64, BrokerError> {
        self.open_queue(Queue::First).map(|_| self.parked.load(Ordering::Relaxed))
    }

    async fn ping(&self) -> Result<(), BrokerError> {
        self.open_queue(Queue::First).map(drop)
    }

    async fn close(&self) {
        self.closed.cancel();
    }
}

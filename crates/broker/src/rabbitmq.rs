//! The adapter for RabbitMQ 3.10 and later.
//!
//! Two [`Line`]s, one that publishes and one that consumes, each a connection that is made again
//! whenever it breaks. Every new connection declares the queues, which is what heals a broker that
//! was wiped. Questions go over the consuming line: RabbitMQ stops reading from a publishing
//! connection while it is short of memory or disk.

mod consumer;
mod line;
mod link;
mod publisher;
mod socket;
mod topology;
mod uri;

#[cfg(feature = "conformance")]
mod hooks;

use crate::broker::{Broker, Consumer, Published, Queue};
use crate::config::BrokerConfig;
use crate::error::BrokerError;
use crate::message::WorkMessage;
use async_trait::async_trait;
use lapin::types::{FieldTable, ShortString};
use line::Line;
use link::{Link, Role};
use secrecy::ExposeSecret as _;
use std::sync::Arc;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use topology::Topology;

/// Where to connect to, and what to declare there. The URI holds the password.
struct Target {
    uri: lapin::uri::AMQPUri,
    topology: Topology,
}

/// A broker on RabbitMQ.
pub struct RabbitBroker {
    target: Arc<Target>,
    publishing: Line,
    consuming: Line,
    tasks: TaskTracker,
    closing: CancellationToken,
    /// A broker that is dropped without being closed takes its connections with it.
    _close_on_drop: DropGuard,
}

impl RabbitBroker {
    /// Starts to connect in the background; see [`crate::connect`].
    pub fn connect(config: &BrokerConfig) -> Result<Self, BrokerError> {
        let target = Arc::new(Target {
            uri: uri::parse(config.amqp_url.expose_secret())?,
            topology: Topology::new(&config.broker_prefix),
        });
        let (tasks, closing) = (TaskTracker::new(), CancellationToken::new());
        let line = |role| Line::start(Arc::clone(&target), role, closing.clone(), &tasks);
        Ok(Self {
            publishing: line(Role::Publishing),
            consuming: line(Role::Consuming),
            target,
            tasks,
            _close_on_drop: closing.clone().drop_guard(),
            closing,
        })
    }

    async fn publish_bytes(
        &self,
        queue: Queue,
        body: &[u8],
        headers: Option<FieldTable>,
    ) -> Result<Published, BrokerError> {
        let link = self.link(&self.publishing)?;
        let name = self.target.topology.queue(queue);
        let published = publisher::publish(&link, name, body, headers).await;
        published.map_err(|error| self.unless_closed(error))
    }

    /// Asks how many messages are ready in a queue, with a declaration that changes nothing.
    async fn count(&self, queue: ShortString) -> Result<u64, BrokerError> {
        let link = self.link(&self.consuming)?;
        let counted = link.answer(topology::count(link.channel(), queue)).await;
        counted.map_err(|error| self.unless_closed(error))
    }

    fn link(&self, line: &Line) -> Result<Arc<Link>, BrokerError> {
        line.link().map_err(|cause| self.unless_closed(BrokerError::Unavailable(cause)))
    }

    fn unless_closed(&self, error: BrokerError) -> BrokerError {
        if self.closing.is_cancelled() { BrokerError::Closed } else { error }
    }
}

#[async_trait]
impl Broker for RabbitBroker {
    fn system(&self) -> &'static str {
        "rabbitmq"
    }

    async fn publish(&self, queue: Queue, message: &WorkMessage) -> Result<Published, BrokerError> {
        let body = message.encode().map_err(|error| BrokerError::Encode(Arc::new(error)))?;
        self.publish_bytes(queue, &body, publisher::headers(message.trace())).await
    }

    async fn consume(&self, queue: Queue, prefetch: u16) -> Box<dyn Consumer> {
        let name = self.target.topology.queue(queue);
        Box::new(consumer::start(self.consuming.clone(), name, prefetch, &self.tasks))
    }

    async fn ready(&self, queue: Queue) -> Result<u64, BrokerError> {
        self.count(self.target.topology.queue(queue)).await
    }

    async fn parked(&self) -> Result<u64, BrokerError> {
        self.count(self.target.topology.parked()).await
    }

    async fn ping(&self) -> Result<(), BrokerError> {
        self.link(&self.publishing)?;
        self.ready(Queue::First).await.map(drop)
    }

    async fn close(&self) {
        self.closing.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

//! What is measured of a broker: whether it answers, what it holds, and what became of the messages
//! that were handed to it.
//!
//! Services that share a broker in a process measure it together.

use crate::broker::{Broker, Consumer, Published, Queue, SharedBroker};
use crate::error::BrokerError;
use crate::message::WorkMessage;
use async_trait::async_trait;
use postrider_common::metrics::{
    Counters, Family, Gauge, Labels, Metrics, SAMPLE_INTERVAL, Sampled,
};
use std::sync::Arc;

/// What may become of a message.
const RESULTS: [&str; 8] =
    ["confirmed", "refused", "blocked", "timed_out", "unavailable", "lost", "closed", "invalid"];

/// What is measured of a broker. Clones share it.
#[derive(Clone, Debug)]
pub struct BrokerMetrics {
    up: Gauge,
    ready: Family<Labels<1>, Gauge>,
    parked: Sampled,
}

impl BrokerMetrics {
    /// Registers what is measured.
    pub fn register(metrics: &Metrics) -> Self {
        Self {
            up: metrics.register(
                "broker_up",
                "Whether the broker could be reached when it was last asked",
                Gauge::default(),
            ),
            ready: metrics.register(
                "broker_messages_ready",
                "Messages in a queue that no dispatcher has received yet",
                Family::default(),
            ),
            parked: metrics.register(
                "broker_messages_parked",
                "Messages that were put aside because nobody could read them",
                Sampled::default(),
            ),
        }
    }

    /// Samples again and again whether the broker can be reached. Never ends.
    pub async fn keep_sampling(self, broker: SharedBroker) {
        loop {
            self.sample(&*broker).await;
            tokio::time::sleep(SAMPLE_INTERVAL).await;
        }
    }

    /// Asks whether the broker can be reached. Gives whether it can.
    pub async fn sample(&self, broker: &dyn Broker) -> bool {
        let up = broker.ping().await.is_ok();
        self.up.set(up.into());
        up
    }

    /// Asks that, and what the broker holds.
    pub async fn sample_queues(&self, broker: &dyn Broker) {
        let up = self.sample(broker).await;
        let parked = if up { broker.parked().await.ok() } else { None };
        self.parked.set(parked.map(shown));
        for queue in Queue::ALL {
            let labels = [("queue", label(queue))];
            let ready = if up { broker.ready(queue).await.ok() } else { None };
            match ready.map(i64::try_from) {
                Some(Ok(ready)) => {
                    self.ready.get_or_create(&labels).set(ready);
                }
                _ => {
                    self.ready.remove(&labels);
                }
            }
        }
    }
}

/// A broker before another one that counts what is published.
struct Metered {
    inner: SharedBroker,
    published: Counters<(Queue, &'static str)>,
}

/// The same broker, with what is published through it counted.
pub fn metered(broker: SharedBroker, metrics: &Metrics) -> SharedBroker {
    let values = Queue::ALL
        .into_iter()
        .flat_map(|queue| RESULTS.map(|result| ((queue, result), [label(queue), result])));
    let published = metrics.counters(
        "broker_messages_published",
        "Messages that were handed to the broker, by queue and by what became of them",
        ["queue", "result"],
        values,
    );
    Arc::new(Metered { inner: broker, published })
}

#[async_trait]
impl Broker for Metered {
    fn system(&self) -> &'static str {
        self.inner.system()
    }

    async fn publish(&self, queue: Queue, message: &WorkMessage) -> Result<Published, BrokerError> {
        let published = self.inner.publish(queue, message).await;
        self.published.inc(&(queue, result(&published)));
        published
    }

    async fn consume(&self, queue: Queue, prefetch: u16) -> Box<dyn Consumer> {
        self.inner.consume(queue, prefetch).await
    }

    async fn ready(&self, queue: Queue) -> Result<u64, BrokerError> {
        self.inner.ready(queue).await
    }

    async fn parked(&self) -> Result<u64, BrokerError> {
        self.inner.parked().await
    }

    async fn ping(&self) -> Result<(), BrokerError> {
        self.inner.ping().await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}

/// What became of a message, in one word.
pub(crate) fn result(published: &Result<Published, BrokerError>) -> &'static str {
    match published {
        Ok(Published::Confirmed) => "confirmed",
        Ok(Published::Refused) => "refused",
        Err(BrokerError::Blocked) => "blocked",
        Err(BrokerError::TimedOut) => "timed_out",
        Err(BrokerError::Unavailable(_)) => "unavailable",
        Err(BrokerError::Lost(_)) => "lost",
        Err(BrokerError::Closed) => "closed",
        Err(BrokerError::Encode(_) | BrokerError::Config(_)) => "invalid",
    }
}

fn label(queue: Queue) -> &'static str {
    match queue {
        Queue::First => "first",
        Queue::Retry => "retry",
    }
}

#[expect(clippy::cast_precision_loss, reason = "nobody parks more messages than a float can count")]
fn shown(count: u64) -> f64 {
    count as f64
}

//! The sampler: asks the engines for what waits, so that nobody who looks at metrics has to.

use postrider_broker::{BrokerMetrics, SharedBroker};
use postrider_common::metrics::{Metrics, Sampled};
use postrider_store::{Backlog, SharedStore, StoreMetrics};
use std::time::Duration;

/// How long the database may take to say what waits.
const BACKLOG_WITHIN: Duration = Duration::from_secs(2);

/// Asks the engines for what waits.
pub struct Sampler {
    store: SharedStore,
    broker: SharedBroker,
    store_metrics: StoreMetrics,
    broker_metrics: BrokerMetrics,
    oldest_due: Sampled,
    oldest_queued: Sampled,
}

impl Sampler {
    /// A sampler of both engines.
    pub fn new(store: SharedStore, broker: SharedBroker, metrics: &Metrics) -> Self {
        Self {
            store,
            broker,
            store_metrics: StoreMetrics::register(metrics),
            broker_metrics: BrokerMetrics::register(metrics),
            oldest_due: metrics.register(
                "deliveries_oldest_due_seconds",
                "For how long the oldest due delivery has waited to be handed out; 0 when none waits",
                Sampled::default(),
            ),
            oldest_queued: metrics.register(
                "deliveries_oldest_queued_seconds",
                "For how long the oldest queued delivery has waited to be claimed; 0 when none waits",
                Sampled::default(),
            ),
        }
    }

    /// Samples once. What an engine that is away cannot say is not shown.
    pub async fn run_once(&self) {
        tokio::join!(self.sample_store(), self.broker_metrics.sample_queues(&*self.broker));
    }

    async fn sample_store(&self) {
        let up = self.store_metrics.sample(&*self.store).await;
        let backlog = if up { self.backlog().await } else { None };
        let seconds = |age: fn(Backlog) -> Option<Duration>| {
            backlog.map(|backlog| age(backlog).unwrap_or_default().as_secs_f64())
        };
        self.oldest_due.set(seconds(|backlog| backlog.oldest_due));
        self.oldest_queued.set(seconds(|backlog| backlog.oldest_queued));
    }

    async fn backlog(&self) -> Option<Backlog> {
        let asked = self.store.deliveries_backlog();
        tokio::time::timeout(BACKLOG_WITHIN, asked).await.ok()?.ok()
    }
}

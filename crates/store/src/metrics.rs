//! What is measured of a database: whether it answers, and its connections.
//!
//! Every service measures its own store. Services that share one in a process measure it together.

use crate::{PoolUse, SharedStore, Store};
use postrider_common::metrics::{Family, Gauge, Labels, Metrics, SAMPLE_INTERVAL};

/// What is measured of a store. Clones share it.
#[derive(Clone, Debug)]
pub struct StoreMetrics {
    up: Gauge,
    connections: Family<Labels<2>, Gauge>,
    limits: Family<Labels<1>, Gauge>,
}

impl StoreMetrics {
    /// Registers what is measured.
    pub fn register(metrics: &Metrics) -> Self {
        Self {
            up: metrics.register(
                "store_up",
                "Whether the database answered when it was last asked, and has our schema",
                Gauge::default(),
            ),
            connections: metrics.register(
                "store_connections",
                "Connections to the database that are open, by pool and by what they do",
                Family::default(),
            ),
            limits: metrics.register(
                "store_connections_limit",
                "Connections to the database that may be open, by pool",
                Family::default(),
            ),
        }
    }

    /// Samples again and again. Never ends.
    pub async fn keep_sampling(self, store: SharedStore) {
        loop {
            self.sample(&*store).await;
            tokio::time::sleep(SAMPLE_INTERVAL).await;
        }
    }

    /// Asks the store whether it answers, and measures it. Gives whether it did.
    pub async fn sample(&self, store: &dyn Store) -> bool {
        let up = store.ping().await.is_ok();
        self.record(store, up);
        up
    }

    /// Measures a store that was asked already.
    pub fn record(&self, store: &dyn Store, up: bool) {
        self.up.set(up.into());
        for PoolUse { name, open, idle, limit } in store.pools() {
            let connections = |state, count: u32| {
                let labels = [("pool", name), ("state", state)];
                self.connections.get_or_create(&labels).set(count.into());
            };
            connections("idle", idle);
            connections("in_use", open.saturating_sub(idle));
            self.limits.get_or_create(&[("pool", name)]).set(limit.into());
        }
    }
}

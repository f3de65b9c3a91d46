//! The finder of lost messages: deliveries that are `queued` while no message names them.
//!
//! A message can be lost: an ingest that died before it published, a broker that was wiped. After
//! 30 s a `queued` delivery counts as lost if its queue has nothing ready; after 5 min in any case,
//! and then only as many as the queue's messages cannot name. Without the look at the queue a long
//! backlog would be published again every 30 s.

use super::Pace;
use crate::metrics::WorkerMetrics;
use postrider_broker::{MAX_DELIVERIES, Queue, SharedBroker};
use postrider_store::{LostRule, SharedStore, StoreError, WorkQueue};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(30);
const IN_ANY_CASE: Duration = Duration::from_mins(5);
/// Deliveries that one step puts back.
const BATCH: u32 = 1000;

/// Finds deliveries whose message was lost.
pub struct LostFinder {
    store: SharedStore,
    broker: SharedBroker,
    metrics: WorkerMetrics,
}

impl LostFinder {
    /// A finder over both queues.
    pub fn new(store: SharedStore, broker: SharedBroker) -> Self {
        Self { store, broker, metrics: WorkerMetrics::default() }
    }

    /// Counts what it does.
    pub(crate) fn measured(self, metrics: &WorkerMetrics) -> Self {
        Self { metrics: metrics.clone(), ..self }
    }

    /// Looks once, if the broker can be asked. Gives how many deliveries were put back to the schedule.
    pub async fn run_once(&self) -> Result<u64, StoreError> {
        let first = self.look(WorkQueue::First, Queue::First).await?;
        let retry = self.look(WorkQueue::Retry, Queue::Retry).await?;
        Ok(first + retry)
    }

    pub(crate) async fn step(&self) -> Result<Pace, StoreError> {
        let found = self.run_once().await?;
        if found > 0 {
            tracing::warn!(
                deliveries = found,
                "messages were lost; their deliveries are due again"
            );
        }
        Ok(if found >= u64::from(BATCH) { Pace::AtOnce } else { Pace::NextTick })
    }

    async fn look(&self, queue: WorkQueue, name: Queue) -> Result<u64, StoreError> {
        // Without the broker nothing can be said about its queues, nor handed to them.
        let Ok(ready) = self.broker.ready(name).await else { return Ok(0) };
        let (older_than, limit) = if ready == 0 {
            (SOON, BATCH)
        } else {
            let stale = self.store.deliveries_queued_longer(queue, IN_ANY_CASE).await?;
            let named = ready.saturating_mul(MAX_DELIVERIES as u64);
            let excess = stale.saturating_sub(named).min(u64::from(BATCH));
            (IN_ANY_CASE, u32::try_from(excess).unwrap_or(BATCH))
        };
        if limit == 0 {
            return Ok(0);
        }
        let rule = LostRule { queue, older_than, limit };
        let found = self.store.deliveries_requeue_lost(rule).await?;
        self.metrics.found_lost.inc_by(found);
        Ok(found)
    }
}

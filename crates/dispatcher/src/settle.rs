//! Settling in batches, and again until the database has it.

use crate::metrics::DispatcherMetrics;
use postrider_common::batch::{BatchLost, Batcher, Limits};
use postrider_common::service::chain;
use postrider_store::{Settled, Settlement, SharedStore, StoreError};
use std::sync::Arc;
use std::time::{Duration, Instant};

const BATCH: Limits = Limits { items: 512, weight: 4 << 20, queue: 16_384, workers: 2 };
/// What a settlement weighs beside the response that it keeps, roughly, in bytes.
const BASE_WEIGHT: usize = 1024;
/// How often a settlement may be lost with the others of its batch.
const LOSSES_TOGETHER: u32 = 2;
/// Between two tries.
const RETRY_PAUSE: Duration = Duration::from_millis(500);
/// For how long it is tried. By then the lease has long ended and the reaper has the delivery.
const GIVE_UP_AFTER: Duration = Duration::from_mins(2);

type Settling = Batcher<Settlement, Result<Settled, StoreError>>;

/// Settles attempts. Clones share the batches.
#[derive(Clone)]
pub(crate) struct Settler {
    together: Settling,
    /// For what was lost with others again and again: it, or one of them, may be to blame.
    alone: Settling,
}

impl Settler {
    pub(crate) fn start(store: &SharedStore, metrics: &Arc<DispatcherMetrics>) -> Self {
        let start = |limits| {
            let (store, metrics) = (Arc::clone(store), Arc::clone(metrics));
            Batcher::start(limits, move |settlements: Vec<Settlement>| {
                let (store, metrics) = (Arc::clone(&store), Arc::clone(&metrics));
                async move {
                    let began = Instant::now();
                    let results = settle(&store, &settlements).await;
                    metrics.settled(&settlements, &results, began.elapsed());
                    results
                }
            })
        };
        Self { together: start(BATCH), alone: start(Limits { items: 1, ..BATCH }) }
    }

    /// Writes an attempt down. Settling twice changes nothing, so an unknown outcome is tried again.
    pub(crate) async fn settle(&self, settlement: Settlement) {
        let delivery = settlement.delivery;
        match tokio::time::timeout(GIVE_UP_AFTER, self.written(settlement)).await {
            Ok(Ok(Settled::Superseded)) => {
                tracing::info!(%delivery, "the attempt's lease had ended; it is not written");
            }
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                tracing::error!(%delivery, error = chain(&error), "settling failed");
            }
            Err(_) => tracing::error!(%delivery, "the database stayed away; settling was given up"),
        }
    }

    async fn written(&self, settlement: Settlement) -> Result<Settled, StoreError> {
        let weight = weight(&settlement);
        let mut losses = 0;
        loop {
            let batches = if losses < LOSSES_TOGETHER { &self.together } else { &self.alone };
            match batches.submit(settlement.clone(), weight).await {
                Ok(Err(error)) if error.is_unavailable() => {}
                Ok(settled) => return settled,
                // The batch panicked; what it had of others is submitted again, too.
                Err(BatchLost) => losses += 1,
            }
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }
}

/// A batch that the database refuses is settled one by one, so that a bad one is alone.
async fn settle(
    store: &SharedStore,
    settlements: &[Settlement],
) -> Vec<Result<Settled, StoreError>> {
    match store.deliveries_settle(settlements).await {
        Ok(settled) => settled.into_iter().map(Ok).collect(),
        Err(error) if error.is_unavailable() || settlements.len() == 1 => {
            settlements.iter().map(|_| Err(error.clone())).collect()
        }
        Err(_) => {
            let mut results = Vec::with_capacity(settlements.len());
            for one in settlements.chunks(1) {
                let settled = store.deliveries_settle(one).await;
                results
                    .push(settled.map(|all| all.first().copied().unwrap_or(Settled::Superseded)));
            }
            results
        }
    }
}

fn weight(settlement: &Settlement) -> usize {
    let kept = settlement.record.response.as_ref().map_or(0, |response| response.body.len());
    BASE_WEIGHT + kept
}

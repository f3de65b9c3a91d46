//! Settling in batches, and again until the database has it.

use crate::metrics::DispatcherMetrics;
use postrider_common::batch::{Batcher, Limits};
use postrider_common::service::chain;
use postrider_store::{Settled, Settlement, SharedStore, StoreError};
use std::sync::Arc;
use std::time::{Duration, Instant};

const BATCH: Limits = Limits { items: 512, weight: 4 << 20, queue: 16_384, workers: 2 };
/// What a settlement weighs beside the response that it keeps, roughly, in bytes.
const BASE_WEIGHT: usize = 1024;
/// Between two tries while the database is away.
const RETRY_PAUSE: Duration = Duration::from_millis(500);
/// For how long it is tried. By then the lease has long ended and the reaper has the delivery.
const GIVE_UP_AFTER: Duration = Duration::from_mins(2);

/// Settles attempts. Clones share the batches.
#[derive(Clone)]
pub(crate) struct Settler(Batcher<Settlement, Result<Settled, StoreError>>);

impl Settler {
    pub(crate) fn start(store: SharedStore, metrics: Arc<DispatcherMetrics>) -> Self {
        Self(Batcher::start(BATCH, move |settlements: Vec<Settlement>| {
            let (store, metrics) = (Arc::clone(&store), Arc::clone(&metrics));
            async move {
                let began = Instant::now();
                let results = settle(&store, &settlements).await;
                metrics.settled(&settlements, &results, began.elapsed());
                results
            }
        }))
    }

    /// Writes an attempt down. Settling twice changes nothing, so an unknown outcome is tried again.
    pub(crate) async fn settle(&self, settlement: Settlement) {
        let delivery = settlement.delivery;
        let weight = weight(&settlement);
        let written = async {
            loop {
                match self.0.submit(settlement.clone(), weight).await {
                    Ok(Ok(settled)) => break Some(settled),
                    Ok(Err(error)) if error.is_unavailable() => {
                        tokio::time::sleep(RETRY_PAUSE).await;
                    }
                    Ok(Err(error)) => {
                        tracing::error!(%delivery, error = chain(&error), "settling failed");
                        break None;
                    }
                    Err(error) => {
                        tracing::error!(%delivery, %error, "settling was lost");
                        break None;
                    }
                }
            }
        };
        match tokio::time::timeout(GIVE_UP_AFTER, written).await {
            Ok(Some(Settled::Superseded)) => {
                tracing::info!(%delivery, "the attempt's lease had ended; it is not written");
            }
            Ok(_) => {}
            Err(_) => tracing::error!(%delivery, "the database stayed away; settling was given up"),
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

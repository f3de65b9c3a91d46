//! The replayer: takes replays in bulk on, one step at a time.

use super::Pace;
use crate::metrics::WorkerMetrics;
use postrider_common::crash_point::crash_point;
use postrider_store::{ReplayStepped, SharedStore, StepLimits, StoreError};

/// A step holds its rows for some ten milliseconds.
const STEP: StepLimits = StepLimits { scan: 1000, replay: 500 };

/// Takes replays on.
pub struct Replayer {
    store: SharedStore,
    metrics: WorkerMetrics,
}

impl Replayer {
    /// A replayer of all tenants' replays.
    pub fn new(store: SharedStore) -> Self {
        Self { store, metrics: WorkerMetrics::default() }
    }

    /// Counts what it does.
    pub(crate) fn measured(self, metrics: &WorkerMetrics) -> Self {
        Self { metrics: metrics.clone(), ..self }
    }

    /// Takes the replay on whose turn it is, if it is any one's.
    pub async fn run_once(&self) -> Result<Option<ReplayStepped>, StoreError> {
        let stepped = self.store.replay_step(STEP).await?;
        if let Some(stepped) = stepped {
            crash_point("replay::stepped");
            self.metrics.replayed.inc_by(stepped.replayed);
            if stepped.is_finished {
                tracing::info!(replay = %stepped.job, "a replay finished");
            }
        }
        Ok(stepped)
    }

    pub(crate) async fn step(&self) -> Result<Pace, StoreError> {
        let stepped = self.run_once().await?;
        Ok(if stepped.is_some() { Pace::AtOnce } else { Pace::NextTick })
    }
}

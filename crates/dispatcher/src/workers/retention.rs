//! Retention: has what is too old removed, a bounded step at a time, while traffic runs.
//!
//! Any number of dispatchers do so side by side: the store lets one take a tenant's turn, or a day's
//! partitions. Removing an event's payload at once is asked for through `api`.

use super::Pace;
use crate::metrics::RetentionMetrics;
use postrider_common::keeping::Days;
use postrider_store::{PartitionRemoval, Removed, SharedStore, StoreError};

/// Held deliveries that one step gives up.
const HELD: u32 = 500;

/// Has what is too old removed.
pub struct Retainer {
    store: SharedStore,
    usual: Days,
    metrics: RetentionMetrics,
}

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retained {
    /// Held deliveries that were given up.
    pub expired: u64,
    /// What became of the partitions that are too old.
    pub partitions: PartitionRemoval,
    /// Rows that were deleted one by one; `None` when it was nobody's turn, or when partitions are to go
    /// and cannot just now: what goes with them need not be deleted.
    pub rows: Option<Removed>,
}

impl Retainer {
    /// `usual` holds for tenants that have no number of their own.
    pub fn new(store: SharedStore, usual: Days) -> Self {
        Self { store, usual, metrics: RetentionMetrics::default() }
    }

    /// Counts what it does.
    pub(crate) fn measured(self, metrics: &RetentionMetrics) -> Self {
        Self { metrics: metrics.clone(), ..self }
    }

    /// Takes one step of each kind.
    pub async fn run_once(&self) -> Result<Retained, StoreError> {
        let expired = self.store.held_expire(HELD).await?;
        self.metrics.expired.inc_by(expired);
        let partitions = self.store.partitions_remove(self.usual).await?;
        let rows = match partitions {
            PartitionRemoval::Busy => {
                tracing::info!("old partitions are in use; will try again");
                None
            }
            PartitionRemoval::Removed(day) => {
                tracing::info!(%day, "the partitions of a day are removed");
                self.metrics.days.inc();
                None
            }
            PartitionRemoval::Nothing => self.store.expired_remove(self.usual).await?,
        };
        self.metrics.removed(rows.unwrap_or_default());
        Ok(Retained { expired, partitions, rows })
    }

    pub(crate) async fn step(&self) -> Result<Pace, StoreError> {
        let Retained { expired, partitions, rows } = self.run_once().await?;
        let has_more = expired == u64::from(HELD)
            || matches!(partitions, PartitionRemoval::Removed(_))
            || rows.is_some();
        Ok(if has_more { Pace::AtOnce } else { Pace::NextTick })
    }
}

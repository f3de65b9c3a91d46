//! The reaper: ends leases that are past their end.

use super::Pace;
use crate::metrics::WorkerMetrics;
use postrider_common::delivery::DeadReason;
use postrider_store::{Reaped, SharedStore, StoreError};
use std::time::Duration;
use tokio::time::Instant;

/// Leases that one step ends.
const BATCH: u32 = 500;
/// After the database was away, dispatchers get this long to settle what they have.
const AFTER_ABSENCE: Duration = Duration::from_secs(10);

/// Ends leases that are past their end.
pub struct Reaper {
    store: SharedStore,
    /// Nothing is reaped before this time; set while the database is away.
    not_before: Option<Instant>,
    metrics: WorkerMetrics,
}

impl Reaper {
    /// A reaper that begins at once.
    pub fn new(store: SharedStore) -> Self {
        Self { store, not_before: None, metrics: WorkerMetrics::default() }
    }

    /// Counts what it does.
    pub(crate) fn measured(self, metrics: &WorkerMetrics) -> Self {
        Self { metrics: metrics.clone(), ..self }
    }

    /// Reaps once. Gives how many leases were ended.
    pub async fn run_once(&mut self) -> Result<usize, StoreError> {
        if self.not_before.is_some_and(|time| Instant::now() < time) {
            // Only asks whether the database stays: every failure starts the wait anew.
            let answer = self.store.ping().await;
            return self.after(answer).map(|()| 0);
        }
        self.not_before = None;
        let reaped = self.store.deliveries_reap(BATCH).await;
        let reaped = self.after(reaped)?;
        for one in &reaped {
            self.note(one);
        }
        Ok(reaped.len())
    }

    fn note(&self, reaped: &Reaped) {
        let Reaped { delivery, attempt, dead } = *reaped;
        self.metrics.reaped.inc();
        if dead == Some(DeadReason::Poison) {
            self.metrics.poisoned.inc();
            tracing::error!(%delivery, attempt, "a lease ended unsettled again, alone: poison");
        } else {
            tracing::warn!(%delivery, attempt, "a lease ended unsettled");
        }
    }

    pub(crate) async fn step(&mut self) -> Result<Pace, StoreError> {
        let reaped = self.run_once().await?;
        Ok(if reaped == BATCH as usize { Pace::AtOnce } else { Pace::NextTick })
    }

    fn after<T>(&mut self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if result.as_ref().is_err_and(StoreError::is_unavailable) {
            self.not_before = Some(Instant::now() + AFTER_ABSENCE);
        }
        result
    }
}

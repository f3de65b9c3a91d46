//! How large batches are and how long the database takes for them.

use super::{Histogram, Metrics};
use std::time::Duration;

/// Up to the largest batch that there is.
const ITEMS: [f64; 11] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0];
/// From half a millisecond to the longest that a caller waits, in seconds.
const SECONDS: [f64; 13] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// Measures batches of one kind. Clones share the measures.
#[derive(Clone, Debug)]
pub struct BatchMetrics {
    items: Histogram,
    duration: Histogram,
}

impl BatchMetrics {
    /// Registers the measures of a kind of batch.
    pub fn register(metrics: &Metrics, batch: &'static str) -> Self {
        let items =
            metrics.histograms("batch_items", "How many items were committed together", || {
                Histogram::new(ITEMS)
            });
        let duration = metrics.histograms(
            "batch_duration_seconds",
            "How long the database took for a batch, whatever came of it",
            || Histogram::new(SECONDS),
        );
        let labels = [("batch", batch)];
        Self {
            items: items.get_or_create_owned(&labels),
            duration: duration.get_or_create_owned(&labels),
        }
    }

    /// Counts a batch.
    pub fn observe(&self, items: usize, duration: Duration) {
        // Batches have thousands of items at most, which are exact.
        self.items.observe(u32::try_from(items).unwrap_or(u32::MAX).into());
        self.duration.observe(duration.as_secs_f64());
    }
}

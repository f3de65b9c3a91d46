//! What retention removes.

use postrider_common::metrics::{Counter, Counters, Metrics};
use postrider_store::Removed;

const TABLES: [&str; 4] = ["events", "deliveries", "attempts", "idempotency_keys"];

/// What retention removes. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct RetentionMetrics {
    /// Held deliveries that were given up.
    pub(crate) expired: Counter,
    /// Days whose partitions were removed as a whole.
    pub(crate) days: Counter,
    rows: Counters<&'static str>,
}

impl Default for RetentionMetrics {
    fn default() -> Self {
        let rows = TABLES.into_iter().map(|table| (table, Counter::default()));
        Self { expired: Counter::default(), days: Counter::default(), rows: rows.collect() }
    }
}

impl RetentionMetrics {
    pub(super) fn register(metrics: &Metrics) -> Self {
        Self {
            expired: metrics.counter(
                "deliveries_expired",
                "Held deliveries that were given up because their endpoint was off for too long",
            ),
            days: metrics.counter(
                "retention_days_removed",
                "Days whose partitions were removed as a whole because they were too old",
            ),
            rows: metrics.counters(
                "retention_rows_removed",
                "Rows that were deleted one by one because they were too old",
                ["table"],
                TABLES.map(|table| (table, [table])),
            ),
        }
    }

    /// Counts rows that were deleted.
    pub(crate) fn removed(&self, removed: Removed) {
        let Removed { events, deliveries, attempts, keys } = removed;
        for (table, count) in TABLES.iter().zip([events, deliveries, attempts, keys]) {
            self.rows.inc_by(table, count);
        }
    }
}

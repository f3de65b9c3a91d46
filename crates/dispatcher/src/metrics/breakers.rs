//! Breakers: how many are open, and how they move.

use postrider_common::breaker::BreakerState;
use postrider_common::metrics::{Counter, Counters, Gauge, Metrics};

/// What is counted of breakers. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct BreakerMetrics {
    /// Deliveries that an open breaker withheld.
    pub(crate) withheld: Counter,
    open: Gauge,
    moved: Counters<BreakerState>,
}

impl BreakerMetrics {
    pub(super) fn register(metrics: &Metrics) -> Self {
        Self {
            withheld: metrics.counter(
                "deliveries_withheld",
                "Deliveries that went back to the schedule because their endpoint is down",
            ),
            open: metrics.register(
                "breakers_open",
                "Endpoints that are down: their breaker is open or half open",
                Gauge::default(),
            ),
            moved: metrics.counters(
                "breaker_transitions",
                "Breakers that moved, by the state that they moved to",
                ["to"],
                BreakerState::ALL.map(|state| (state, [state.as_str()])),
            ),
        }
    }

    /// Shows how many breakers are open or half open.
    pub(crate) fn show_open(&self, count: usize) {
        self.open.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Counts breakers that moved.
    pub(crate) fn moved(&self, to: BreakerState, count: u64) {
        self.moved.inc_by(&to, count);
    }
}

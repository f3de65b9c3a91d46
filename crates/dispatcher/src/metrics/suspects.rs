//! Deliveries that may be what their processes died of.

use postrider_common::metrics::{Counter, Metrics};

/// What is counted of them.
#[derive(Debug)]
pub(crate) struct SuspectMetrics {
    /// Those that were sent while nothing else was in flight.
    pub(crate) sent_alone: Counter,
    /// Those that found too many in line.
    pub(crate) postponed: Counter,
    /// Deliveries whose sending panicked.
    pub(crate) panicked: Counter,
}

impl SuspectMetrics {
    pub(super) fn register(metrics: &Metrics) -> Self {
        Self {
            sent_alone: metrics.counter(
                "deliveries_sent_alone",
                "Deliveries that were lost twice in a row and were sent while nothing else was in flight",
            ),
            postponed: metrics.counter(
                "deliveries_postponed",
                "Deliveries that were to be sent alone and went back to the schedule because too many were in line",
            ),
            panicked: metrics.counter(
                "deliveries_panicked",
                "Deliveries whose sending panicked, which leaves their lease to end",
            ),
        }
    }
}

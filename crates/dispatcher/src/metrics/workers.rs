//! What the workers move. A worker that nobody asked to be measured counts for itself.

use postrider_common::metrics::{Counter, Metrics};

/// What the workers move. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct WorkerMetrics {
    /// Deliveries that the feeder handed to the broker.
    pub(crate) fed: Counter,
    /// Those that the broker did not take.
    pub(crate) taken_back: Counter,
    /// Deliveries that were handed out to see whether an endpoint that is switched off answers.
    pub(crate) probed: Counter,
    /// Leases that the reaper ended.
    pub(crate) reaped: Counter,
    /// Deliveries that were given up because their lease had ended once too often.
    pub(crate) poisoned: Counter,
    /// Deliveries whose message was lost.
    pub(crate) found_lost: Counter,
    /// Deliveries that replays in bulk made due.
    pub(crate) replayed: Counter,
    /// Operational events that the operator's tenant was told.
    pub(crate) told: Counter,
    /// Those that nobody was told for a day.
    pub(crate) dropped: Counter,
}

impl WorkerMetrics {
    pub(super) fn register(metrics: &Metrics) -> Self {
        Self {
            fed: metrics.counter("deliveries_fed", "Due deliveries that were handed to the broker"),
            taken_back: metrics.counter(
                "deliveries_taken_back",
                "Due deliveries that the broker did not take and that went back to the schedule",
            ),
            probed: metrics.counter(
                "endpoints_probed",
                "Held deliveries that were handed out to see whether their endpoint, which is switched off, answers again",
            ),
            reaped: metrics.counter(
                "leases_reaped",
                "Leases that ended with nobody to say what became of the attempt",
            ),
            poisoned: metrics.counter(
                "deliveries_poisoned",
                "Deliveries that were given up because they were lost three times in a row, the last time alone",
            ),
            found_lost: metrics.counter(
                "deliveries_found_lost",
                "Deliveries that went back to the schedule because their message was lost",
            ),
            replayed: metrics
                .counter("deliveries_replayed", "Deliveries that replays in bulk made due"),
            told: metrics.counter(
                "operational_events_sent",
                "Operational events that became events of the operator's tenant",
            ),
            dropped: metrics.counter(
                "operational_events_dropped",
                "Operational events that could be sent to nobody for a day",
            ),
        }
    }
}

//! What a dispatcher counts and measures. `docs/metrics.md` says what each is good for.

mod attempts;
mod breakers;
mod retention;
mod suspects;
mod workers;

pub(crate) use attempts::Attempt;
pub(crate) use breakers::BreakerMetrics;
pub(crate) use retention::RetentionMetrics;
pub(crate) use suspects::SuspectMetrics;
pub(crate) use workers::WorkerMetrics;

use crate::config::Limits;
use crate::unused::Unused;
use attempts::AttemptMetrics;
use postrider_common::delivery::{DeadReason, Transition};
use postrider_common::metrics::{BatchMetrics, Counter, Counters, Gauge, Metrics};
use postrider_store::{Claim, Settled, Settlement, StoreError};
use std::time::Duration;

/// What is counted and measured on the way of a delivery.
#[derive(Debug)]
pub(crate) struct DispatcherMetrics {
    pub(crate) attempts: AttemptMetrics,
    pub(crate) workers: WorkerMetrics,
    pub(crate) retention: RetentionMetrics,
    pub(crate) breakers: BreakerMetrics,
    pub(crate) suspects: SuspectMetrics,
    /// Deliveries for which their endpoint, their tenant or retries had no slot left.
    pub(crate) over_cap: Counter,
    /// Deliveries that were over their endpoint's rate limit.
    pub(crate) over_rate: Counter,
    /// Deliveries that were over what their endpoint is allowed while it has just come back.
    pub(crate) over_ramp: Counter,
    /// Claims that were given back unused, by reason.
    pub(crate) released: Counters<&'static str>,
    in_flight: Gauge,
    claims: Counters<&'static str>,
    claim_batches: BatchMetrics,
    settle_batches: BatchMetrics,
    delivered: Counter,
    retried: Counter,
    dead: Counters<DeadReason>,
    superseded: Counter,
}

impl DispatcherMetrics {
    pub(crate) fn register(metrics: &Metrics, limits: Limits) -> Self {
        let limit: Gauge = metrics.register(
            "deliveries_in_flight_limit",
            "Deliveries that this process may have in flight",
            Gauge::default(),
        );
        limit.set(limits.max_in_flight.into());
        Self {
            attempts: AttemptMetrics::register(metrics),
            workers: WorkerMetrics::register(metrics),
            retention: RetentionMetrics::register(metrics),
            breakers: BreakerMetrics::register(metrics),
            suspects: SuspectMetrics::register(metrics),
            over_cap: metrics.counter(
                "deliveries_over_cap",
                "Deliveries that went back to the schedule because their endpoint, their tenant or retries had their share",
            ),
            over_rate: metrics.counter(
                "deliveries_over_rate",
                "Deliveries that went back to the schedule because their endpoint may get no more for now",
            ),
            over_ramp: metrics.counter(
                "deliveries_over_ramp",
                "Deliveries that went back to the schedule because their endpoint is only just back",
            ),
            released: metrics.counters(
                "claims_released",
                "Claims that were given back before anything was sent, by reason",
                ["reason"],
                Unused::REASONS.map(|reason| (reason, [reason])),
            ),
            in_flight: metrics.register(
                "deliveries_in_flight",
                "Deliveries that this process has claimed and not settled yet",
                Gauge::default(),
            ),
            claims: metrics.counters(
                "claims",
                "Deliveries that a message named, by what claiming them found",
                ["result"],
                CLAIMS.map(|result| (result, [result])),
            ),
            claim_batches: BatchMetrics::register(metrics, "claim"),
            settle_batches: BatchMetrics::register(metrics, "settle"),
            delivered: metrics.counter("deliveries_delivered", "Deliveries that ended well"),
            retried: metrics.counter(
                "deliveries_retry_scheduled",
                "Attempts after which their delivery was to be tried again",
            ),
            dead: metrics.counters(
                "deliveries_dead",
                "Deliveries that were given up after an attempt, by reason",
                ["reason"],
                DeadReason::ALL.map(|reason| (reason, [reason.as_str()])),
            ),
            superseded: metrics.counter(
                "settlements_superseded",
                "Attempts that were not written because their lease had ended",
            ),
        }
    }

    /// Counts a batch that was to be claimed.
    pub(crate) fn claim_took(&self, items: usize, took: Duration) {
        self.claim_batches.observe(items, took);
    }

    /// Counts what claiming found.
    pub(crate) fn claimed(&self, claims: &[Claim]) {
        for claim in claims {
            self.claims.inc(&claim_result(claim));
        }
    }

    /// Counts a batch that was to be settled, and what became of its deliveries.
    pub(crate) fn settled(
        &self,
        settlements: &[Settlement],
        results: &[Result<Settled, StoreError>],
        took: Duration,
    ) {
        self.settle_batches.observe(settlements.len(), took);
        for (settlement, result) in settlements.iter().zip(results) {
            match (result, settlement.transition) {
                (Err(_), _) => {}
                (Ok(Settled::Superseded), _) => {
                    self.superseded.inc();
                }
                (Ok(_), Transition::Delivered | Transition::DeliveredLast) => {
                    self.delivered.inc();
                }
                (Ok(_), Transition::Retry { .. }) => {
                    self.retried.inc();
                }
                (Ok(_), Transition::Dead { reason, .. }) => self.dead.inc(&reason),
            }
        }
    }

    /// Counts a delivery as in flight for as long as the answer lives.
    pub(crate) fn fly(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }
}

/// A delivery in flight.
#[derive(Debug)]
pub(crate) struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// What claiming may find.
const CLAIMS: [&str; 6] =
    ["claimed", "not_queued", "suspect", "held", "endpoint_deleted", "unknown"];

fn claim_result(claim: &Claim) -> &'static str {
    match claim {
        Claim::Claimed(_) => "claimed",
        Claim::NotQueued => "not_queued",
        Claim::Suspect => "suspect",
        Claim::Held => "held",
        Claim::EndpointDeleted => "endpoint_deleted",
        Claim::Unknown => "unknown",
    }
}

//! The oracle: compares what the producer was answered (P), what the database says (D) and what
//! receivers saw (R), and names every invariant that does not hold.
//!
//! Gathering the evidence and judging it are apart, so that tests can show it false evidence and see
//! that it notices. I7, I9 and I10, and what else I8 says, have tests of their own.

mod evidence;
mod judge;

pub use evidence::{Evidence, Obligation, Watched};

use crate::{Customer, Hook, Published, Receiver};
use postrider_common::delivery::{Delivery, DeliveryState};
use postrider_store::{DeliveryFilter, PageRequest, SharedStore};
use std::fmt;
use std::time::Duration;

/// How often unfinished deliveries are looked for: a database gives no signal of the last one.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// An invariant, as the design numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Invariant {
    /// Nothing lost.
    I1,
    /// Nothing invented.
    I2,
    /// Bounded duplicates.
    I3,
    /// Dead if and only if there is a reason.
    I4,
    /// The log is consistent.
    I5,
    /// Nothing stuck.
    I6,
    /// On time: here, nothing before an earlier delivery of its ordering key, nor before its event's time.
    I8,
}

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// What it breaks.
    pub invariant: Invariant,
    /// What was found, with the ids.
    pub found: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.invariant, self.found)
    }
}

/// What a test did that makes repeats unavoidable.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// How often a dispatcher died.
    pub crashes: usize,
    /// Deliveries that a dispatcher may have in flight.
    pub in_flight: usize,
    /// Connections that were cut with a request on them.
    pub cut: usize,
}

impl Faults {
    /// The most successes beyond the first that may be seen.
    pub fn duplicates_allowed(&self) -> usize {
        self.crashes * self.in_flight + self.cut
    }
}

/// Watches one customer's events.
pub struct Oracle<'a> {
    store: SharedStore,
    customer: &'a Customer,
    hooks: Vec<(Hook, &'a Receiver)>,
    faults: Faults,
}

impl<'a> Oracle<'a> {
    /// Watches a customer through a store of its own.
    pub fn new(store: SharedStore, customer: &'a Customer) -> Self {
        Self { store, customer, hooks: Vec::new(), faults: Faults::default() }
    }

    /// Watches an endpoint that was there before the first event.
    #[must_use]
    pub fn watch(mut self, hook: &Hook, receiver: &'a Receiver) -> Self {
        self.hooks.push((hook.clone(), receiver));
        self
    }

    /// Says what the test did.
    #[must_use]
    pub fn faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    /// Waits until every delivery is finished or held.
    ///
    /// # Panics
    ///
    /// When some are not by then, or the store fails.
    pub async fn wait_settled(&self, within: Duration) {
        let settled = async {
            let mut ticks = tokio::time::interval(LOOK_EVERY);
            loop {
                ticks.tick().await;
                if self.unfinished().await.is_empty() {
                    return;
                }
            }
        };
        let ended = tokio::time::timeout(within, settled).await;
        let left = if ended.is_ok() { Vec::new() } else { self.unfinished().await };
        let shown: Vec<_> = left.iter().take(5).map(describe).collect();
        assert!(
            ended.is_ok(),
            "{} deliveries or more are not finished after {within:?}; some are\n{}",
            left.len(),
            shown.join("\n")
        );
    }

    /// Gathers the evidence.
    ///
    /// # Panics
    ///
    /// When the store fails.
    pub async fn gather(&self) -> Evidence {
        let published: Vec<Published> = self.customer.producer().ledger();
        Evidence::gather(&self.store, self.customer.scope(), published, &self.hooks, self.faults)
            .await
            .expect("the store tells what it has")
    }

    /// Waits until everything is finished, and checks all invariants.
    ///
    /// # Panics
    ///
    /// When one does not hold; with all violations.
    pub async fn assert_holds(&self, within: Duration) -> Evidence {
        self.wait_settled(within).await;
        let evidence = self.gather().await;
        let violations = evidence.violations();
        let shown: Vec<_> = violations.iter().take(40).map(Violation::to_string).collect();
        assert!(
            violations.is_empty(),
            "{} violations, of which the first:\n{}",
            violations.len(),
            shown.join("\n")
        );
        evidence
    }

    /// Deliveries that are neither finished nor held, or some of them.
    async fn unfinished(&self) -> Vec<Delivery> {
        use DeliveryState::{InFlight, Queued, Scheduled, Waiting};
        for state in [Queued, Scheduled, Waiting, InFlight] {
            let filter = DeliveryFilter { state: Some(state), ..DeliveryFilter::default() };
            let page = PageRequest { limit: 100, after: None };
            let found = self.store.delivery_list(&self.customer.scope(), &filter, page).await;
            let found = found.expect("the store lists deliveries").rows;
            if !found.is_empty() {
                return found;
            }
        }
        // One that changed its state between two of the questions was in none of the answers.
        let all = evidence::deliveries(&self.store, &self.customer.scope()).await;
        let mut all = all.expect("the store lists deliveries");
        all.retain(|delivery| matches!(delivery.state, Queued | Scheduled | Waiting | InFlight));
        all
    }
}

fn describe(delivery: &Delivery) -> String {
    format!(
        "{} to {}: {}, {} attempts, next at {:?}, made at {}",
        delivery.id,
        delivery.endpoint,
        delivery.state.as_str(),
        delivery.attempts,
        delivery.next_attempt_at.map(|at| at.to_string()),
        delivery.created_at
    )
}

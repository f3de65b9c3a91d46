//! What every store must do, as one suite for all adapters. For tests only.
//!
//! [`store_conformance!`](crate::store_conformance) makes a test of each case. Cases know the traits
//! and [`TestHooks`] alone. What only one engine can do (plans, partitions) is tested beside its
//! adapter.
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::panic,
    reason = "a suite that finds a fault fails its test"
)]

pub mod accept;
pub mod api_keys;
pub mod backlog;
pub mod backlogged;
pub mod breakers;
pub mod cancel;
mod cases;
pub mod claim;
pub mod concurrency;
pub mod contract_versions;
pub mod contracts_at_once;
pub mod dead_letters;
pub mod defer;
pub mod endpoint_settings;
pub mod endpoints;
pub mod events;
pub mod expunge;
pub mod feed;
pub mod fixtures;
pub mod follow;
pub mod give_back;
pub mod idempotency;
pub mod late;
pub mod log;
pub mod matching;
pub mod operations;
pub mod ordering;
pub mod ordering_at_once;
pub mod ordering_failures;
pub mod pages;
pub mod paging;
pub mod poison;
pub mod probing;
pub mod rate;
pub mod reap;
pub mod replay;
pub mod replay_as_new;
pub mod replay_steps;
pub mod replays;
pub mod replays_made;
pub mod retention;
pub mod retention_turns;
pub mod rotation;
pub mod scheduled;
pub mod settle;
pub mod statistics;
pub mod switching;
pub mod tenants;
pub mod test_deliveries;
pub mod test_events;
pub mod withholding;

use crate::error::StoreError;
use crate::log::DeliveryFilter;
use crate::{SharedStore, Store};
use async_trait::async_trait;
use postrider_common::delivery::{Delivery, DeliveryState};
use postrider_common::id::{DeliveryId, EndpointId, ReplayId};
use postrider_common::tenant::{TenantId, TenantScope};
use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use time::OffsetDateTime;

/// What the suite needs of an adapter beyond the traits.
#[async_trait]
pub trait TestHooks: Send + Sync {
    /// Moves every time that something waits for into the past.
    async fn age(&self, by: Duration) -> Result<(), StoreError>;

    /// A delivery's row as it is, whoever's it is.
    async fn raw_delivery(&self, id: DeliveryId) -> Result<RawDelivery, StoreError>;

    /// What is stored as an endpoint's secrets, one after the other, of a deleted one too.
    async fn raw_secret(&self, id: EndpointId) -> Result<Vec<u8>, StoreError>;

    /// From now on keeps every change of a delivery's state, whichever statement makes it.
    async fn watch_transitions(&self) -> Result<(), StoreError>;

    /// The changes that were kept: the names of the states before and after.
    async fn transitions(&self) -> Result<Vec<(String, String)>, StoreError>;

    /// The database's time.
    async fn now(&self) -> Result<OffsetDateTime, StoreError>;

    /// Until when an endpoint rests, if it was told to.
    async fn feed_after(&self, id: EndpointId) -> Result<Option<OffsetDateTime>, StoreError>;

    /// Whether what is accepted for an endpoint goes out by the feeder alone.
    async fn is_backlogged(&self, id: EndpointId) -> Result<bool, StoreError>;

    /// Makes a delivery due in so long.
    async fn postpone(&self, id: DeliveryId, by: Duration) -> Result<(), StoreError>;

    /// Makes it that every delivery has failed so often.
    async fn fail_all(&self, failures: u32) -> Result<(), StoreError>;

    /// The same store, which tells this tenant what operators are told.
    fn telling(&self, operator: &TenantId) -> SharedStore;

    /// How many keys have a delivery whose turn it is.
    async fn ordering_keys(&self) -> Result<u64, StoreError>;

    /// Makes a delivery a test.
    async fn make_test(&self, id: DeliveryId) -> Result<(), StoreError>;

    /// Makes a replay one that nobody can read.
    async fn spoil_replay(&self, id: ReplayId) -> Result<(), StoreError>;

    /// Makes it that no event of a tenant can be removed.
    async fn hinder_removal(&self, tenant: &TenantId) -> Result<(), StoreError>;

    /// Makes an endpoint one that nobody can read; or, `back` again, one without a schedule of its own.
    async fn spoil_endpoint(&self, id: EndpointId, back: bool) -> Result<(), StoreError>;

    /// Makes it possible to accept events whose ids say that they are of this day, in UTC.
    async fn make_room_for(&self, at: OffsetDateTime) -> Result<(), StoreError>;

    /// The endpoints that have deliveries, deleted ones aside, whose statistics are not what the
    /// deliveries and their attempts say.
    async fn miscounted(&self) -> Result<Vec<EndpointId>, StoreError>;

    /// Adds to what is stored of what was sent to an endpoint, in a row of its own.
    async fn add_statistics(
        &self,
        id: EndpointId,
        statistics: RawStatistics,
    ) -> Result<(), StoreError>;

    /// What is stored of what was sent to an endpoint.
    async fn raw_statistics(&self, id: EndpointId) -> Result<RawStatistics, StoreError>;
}

/// What the suite looks at in a delivery's row; times in seconds from the database's now.
#[derive(Clone, Debug)]
pub struct RawDelivery {
    /// The state's name.
    pub state: String,
    /// Failures that cost a step of the schedule.
    pub failures: u32,
    /// Leases that ended in a row with nobody to settle them.
    pub losses: u32,
    /// When the next attempt is due.
    pub due_in_s: Option<f64>,
    /// When the lease ends.
    pub lease_left_s: Option<f64>,
}

/// What is stored of what was sent to an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawStatistics {
    /// Deliveries that were attempted.
    pub attempted: i64,
    /// Deliveries that are dead.
    pub dead: i64,
    /// When the last attempt started.
    pub last_attempt_at: Option<OffsetDateTime>,
}

/// A store that is migrated and empty.
pub struct Subject {
    /// The store.
    pub store: SharedStore,
    /// The same, for what tests may do.
    pub hooks: Arc<dyn TestHooks>,
    tenants: Mutex<Vec<TenantScope>>,
    /// Lives as long as the subject: whatever removes the database afterwards.
    _keep: Box<dyn Any + Send + Sync>,
}

impl Subject {
    /// A subject on this store; `keep` is dropped with it.
    pub fn new<S: Store + TestHooks + 'static>(
        store: Arc<S>,
        keep: impl Any + Send + Sync,
    ) -> Self {
        Self {
            store: Arc::clone(&store) as SharedStore,
            hooks: store,
            tenants: Mutex::default(),
            _keep: Box::new(keep),
        }
    }

    /// The same store, which tells this tenant what operators are told.
    #[must_use]
    pub fn telling(&self, operator: &TenantScope) -> Self {
        Self {
            store: self.hooks.telling(operator.tenant()),
            hooks: Arc::clone(&self.hooks),
            tenants: Mutex::default(),
            _keep: Box::new(()),
        }
    }

    fn remember(&self, tenant: TenantScope) {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner).push(tenant);
    }

    async fn assert_every_transition_is_allowed(&self) {
        for (was, became) in self.hooks.transitions().await.expect("the transitions") {
            let state = |name: &str| DeliveryState::from_name(name).expect("a known state");
            assert!(state(&was).may_become(state(&became)), "{was} must not become {became}");
        }
    }

    async fn assert_the_statistics_are_right(&self) {
        let miscounted = self.hooks.miscounted().await.expect("the endpoints");
        assert!(miscounted.is_empty(), "statistics and deliveries of {miscounted:?} differ");
    }

    async fn assert_the_log_is_consistent(&self) {
        let tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for tenant in tenants {
            for delivery in self.deliveries_by(&tenant, &DeliveryFilter::default()).await {
                if delivery.attempts > 0 {
                    self.assert_attempts_are_numbered(&tenant, &delivery).await;
                }
            }
        }
    }

    /// From 1 to the delivery's count; an attempt in flight is not on record yet.
    async fn assert_attempts_are_numbered(&self, tenant: &TenantScope, delivery: &Delivery) {
        let attempts = self.store.attempt_list(tenant, delivery.id).await.expect("attempts");
        let numbers: Vec<u32> = attempts.iter().map(|attempt| attempt.number).collect();
        let recorded = match delivery.state {
            DeliveryState::InFlight => delivery.attempts - 1,
            _ => delivery.attempts,
        };
        assert_eq!(numbers, (1..=recorded).collect::<Vec<_>>(), "{delivery:?}");
    }
}

/// Runs one case on a fresh subject. Whatever the case did, afterwards every change of a state that
/// it caused is one that the state machine knows, the log of attempts is whole, and what was counted is
/// what is there.
///
/// Without a subject, since its engine is not there, there is nothing to run.
pub async fn run(fresh: impl AsyncFnOnce() -> Option<Subject>, case: impl AsyncFnOnce(&Subject)) {
    let Some(subject) = fresh().await else { return };
    subject.hooks.watch_transitions().await.expect("the states are watched");
    case(&subject).await;
    subject.assert_every_transition_is_allowed().await;
    subject.assert_the_log_is_consistent().await;
    subject.assert_the_statistics_are_right().await;
}

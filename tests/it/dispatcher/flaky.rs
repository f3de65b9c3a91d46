//! A store before another one, some of whose calls fail as if the database were away or newer, or panic.

use async_trait::async_trait;
use postrider_common::api_key::ApiKey;
use postrider_common::attempt::Attempt;
use postrider_common::contract_version::ContractVersion;
use postrider_common::delivery::Delivery;
use postrider_common::endpoint::Endpoint;
use postrider_common::event::Event;
use postrider_common::id::{ApiKeyId, DeliveryId, EndpointId, ReplayId};
use postrider_common::keeping::Days;
use postrider_common::tenant::{NewTenant, Tenant, TenantId, TenantScope};
use postrider_contract::Contract;
use postrider_store::{
    Acceptance, Accepted, ApiKeyCreated, ApiKeyRevoked, Backlog, Breaker, BreakerMoved,
    BreakerTerms, Breakers, Cancelled, Claimed, Claiming, ContractVersions, Counted, DeadLetters,
    Deferral, DeliveryFilter, DeliveryPage, Discarded, DiscardedMany, EndpointCreated,
    EndpointDeleted, EndpointPatch, EndpointRef, EndpointStatistics, EndpointUpdated, Endpoints,
    EventCancelled, EventFilterBy, EventSummary, Expunged, FeedLimits, Feeding, Followed, InForce,
    KeptContract, LeasePolicy, Log, LoggedAttempt, LostRule, Migrated, NewApiKey, NewEndpoint,
    NewEvent, NewReplay, OperationalEvent, OperationalEventId, Operations, Page, PageRequest,
    PartitionRemoval, Passage, PoolUse, Probed, Probing, QueueRoom, RateGrant, RateRequest, Rates,
    Reaped, Removed, ReplayChanged, ReplayCreated, ReplayJob, ReplayMode, ReplayState,
    ReplayStepped, Replayed, ReplayedAsNew, Replays, Retention, SecretRotated, SecretRotation,
    Selection, Settled, Settlement, SharedStore, StepLimits, StoreError, StoredApiKey, TakenOver,
    TenantCreated, TenantPatch, Tenants, TestAccepted, Upkeep, Work, WorkQueue,
};
use postrider_testkit::latency;
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

/// What a call of a store comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    /// As if the database were away.
    Away,
    /// As if a newer release had written what is there.
    Unreadable,
    /// A defect.
    Panics,
    /// Waits for as long as it is told to.
    Waits,
    /// Answers rightly, this much later.
    Slow(Duration),
}

/// A store whose calls can be told to fail, by their names.
pub(super) struct Flaky {
    inner: SharedStore,
    moods: watch::Sender<Vec<(&'static str, Mood)>>,
    failed: Mutex<Vec<&'static str>>,
}

impl Flaky {
    pub(super) fn before(inner: SharedStore) -> Arc<Self> {
        Arc::new(Self { inner, moods: watch::Sender::default(), failed: Mutex::default() })
    }

    /// From now on these calls fail, and no others.
    pub(super) fn fail(&self, calls: &[&'static str], mood: Mood) {
        self.moods.send_replace(calls.iter().map(|call| (*call, mood)).collect());
    }

    /// From now on no call fails.
    pub(super) fn heal(&self) {
        self.moods.send_replace(Vec::new());
    }

    /// How often this call has failed.
    pub(super) fn failed(&self, call: &str) -> usize {
        self.failed.lock().unwrap().iter().filter(|failed| **failed == call).count()
    }

    async fn pass(&self, call: &'static str) -> Result<(), StoreError> {
        let mood_in = |moods: &Vec<(&str, Mood)>| {
            moods.iter().find(|(name, _)| *name == call).map(|(_, mood)| *mood)
        };
        let mut moods = self.moods.subscribe();
        let decided = moods.wait_for(|moods| mood_in(moods) != Some(Mood::Waits)).await;
        let Some(mood) = mood_in(&decided.unwrap()) else { return Ok(()) };
        self.failed.lock().unwrap().push(call);
        match mood {
            Mood::Slow(by) => {
                latency(by).await;
                Ok(())
            }
            Mood::Unreadable => Err(StoreError::Unreadable { what: "as a test told it to" }),
            Mood::Away => {
                let away = io::Error::from(io::ErrorKind::ConnectionReset);
                Err(StoreError::Unavailable(Arc::new(away)))
            }
            Mood::Panics | Mood::Waits => panic!("as a test told it to"),
        }
    }
}

macro_rules! before {
    ($(impl $part:ident {
        $(fn $call:ident($($name:ident: $type:ty),*) -> $answer:ty;)*
        $(asks nobody: fn $known:ident() -> $value:ty;)?
    })*) => {
        $(
            #[async_trait]
            impl $part for Flaky {
                $(
                    async fn $call(&self, $($name: $type),*) -> Result<$answer, StoreError> {
                        self.pass(stringify!($call)).await?;
                        self.inner.$call($($name),*).await
                    }
                )*
                $(
                    fn $known(&self) -> $value {
                        self.inner.$known()
                    }
                )?
            }
        )*
    };
}

before! {
    impl Tenants {
        fn tenant_create(new: NewTenant) -> TenantCreated;
        fn tenant_get(id: &TenantId) -> Option<Tenant>;
        fn tenant_update(id: &TenantId, patch: TenantPatch) -> Option<Tenant>;
        fn tenant_list(after: Option<&TenantId>, limit: u32) -> Vec<Tenant>;
        fn api_key_create(scope: &TenantScope, new: NewApiKey) -> ApiKeyCreated;
        fn api_key_list(scope: &TenantScope) -> Vec<ApiKey>;
        fn api_key_revoke(scope: &TenantScope, id: ApiKeyId) -> ApiKeyRevoked;
        fn api_key_find(prefix: &str) -> Option<StoredApiKey>;
    }

    impl ContractVersions {
        fn contracts_put(contracts: &[Arc<Contract>]) -> bool;
        fn contracts_revision() -> i64;
        fn contracts_in_force() -> InForce;
        fn contract_version(version: ContractVersion) -> Option<KeptContract>;
    }

    impl Endpoints {
        fn endpoint_create(scope: &TenantScope, new: NewEndpoint, limit: u32) -> EndpointCreated;
        fn endpoint_get(scope: &TenantScope, endpoint: &EndpointRef) -> Option<Endpoint>;
        fn endpoint_list(scope: &TenantScope, page: PageRequest) -> Page<Endpoint>;
        fn endpoint_update(
            scope: &TenantScope, endpoint: &EndpointRef, patch: EndpointPatch
        ) -> EndpointUpdated;
        fn secret_rotate(
            scope: &TenantScope, endpoint: &EndpointRef, rotation: SecretRotation
        ) -> SecretRotated;
        fn secret_activate(scope: &TenantScope, endpoint: &EndpointRef) -> EndpointUpdated;
        fn endpoint_statistics(
            scope: &TenantScope, endpoints: &[EndpointId]
        ) -> HashMap<EndpointId, EndpointStatistics>;
        fn endpoint_delete(scope: &TenantScope, endpoint: &EndpointRef) -> EndpointDeleted;
        fn endpoint_for_sending(id: EndpointId) -> Option<Endpoint>;
    }

    impl Acceptance {
        fn events_accept(events: &[NewEvent], room: &QueueRoom) -> Vec<Accepted>;
        fn test_accept(
            scope: &TenantScope, endpoint: &EndpointRef, event: &NewEvent
        ) -> TestAccepted;
        fn deliveries_queued(tenant: &TenantId, limit: u32) -> u32;
    }

    impl Work {
        fn deliveries_claim(
            ids: &[DeliveryId], lease: &LeasePolicy, claiming: Claiming
        ) -> Claimed;
        fn deliveries_settle(settlements: &[Settlement]) -> Vec<Settled>;
        fn deliveries_defer(deferrals: &[Deferral]) -> u64;
        fn deliveries_refuse(ids: &[DeliveryId], pause: Duration) -> u64;
        fn deliveries_unqueue(ids: &[DeliveryId]) -> u64;
        fn deliveries_postpone(ids: &[DeliveryId], delay: Duration) -> u64;
        fn deliveries_feed(limits: &FeedLimits) -> Option<Feeding>;
        fn deliveries_reap(limit: u32) -> Vec<Reaped>;
        fn deliveries_take_over() -> TakenOver;
        fn deliveries_requeue_lost(rule: LostRule) -> u64;
        fn deliveries_backlog() -> Backlog;
        fn deliveries_queued_longer(queue: WorkQueue, older_than: Duration) -> u64;
        fn deliveries_follow_endpoints(limit: u32) -> Followed;
    }

    impl Rates {
        fn rate_reserve(requests: &[RateRequest]) -> Vec<RateGrant>;
    }

    impl Probing {
        fn deliveries_probe(limit: u32) -> Probed;
    }

    impl Breakers {
        fn breaker_open(
            endpoint: EndpointId, version: i64, terms: &BreakerTerms
        ) -> BreakerMoved;
        fn breaker_reopen(endpoint: EndpointId, terms: &BreakerTerms) -> BreakerMoved;
        fn breaker_close(endpoint: EndpointId) -> BreakerMoved;
        fn breakers_in_effect() -> Vec<Breaker>;
        fn endpoint_breakers(
            scope: &TenantScope, endpoints: &[EndpointId]
        ) -> HashMap<EndpointId, Breaker>;
        fn deliveries_withhold(ids: &[DeliveryId]) -> Vec<Passage>;
    }

    impl Log {
        fn event_get(scope: &TenantScope, id: &str) -> Option<Event>;
        fn event_list(
            scope: &TenantScope, filter: &EventFilterBy, page: PageRequest
        ) -> Page<EventSummary>;
        fn delivery_get(scope: &TenantScope, id: DeliveryId) -> Option<Delivery>;
        fn delivery_list(
            scope: &TenantScope, filter: &DeliveryFilter, page: PageRequest
        ) -> Page<Delivery>;
        fn attempt_list(scope: &TenantScope, delivery: DeliveryId) -> Vec<Attempt>;
        fn delivery_page(
            scope: &TenantScope, endpoint: &EndpointRef, limit: u32, offset: u64
        ) -> Option<DeliveryPage>;
        fn attempt_log(
            scope: &TenantScope, endpoint: &EndpointRef, limit: u32
        ) -> Option<Vec<LoggedAttempt>>;
        fn delivery_replay_as_new(scope: &TenantScope, id: DeliveryId) -> ReplayedAsNew;
        fn delivery_replay(scope: &TenantScope, id: DeliveryId) -> Replayed;
        fn delivery_cancel(scope: &TenantScope, id: DeliveryId) -> Cancelled;
        fn event_cancel(scope: &TenantScope, id: &str) -> Option<EventCancelled>;
    }

    impl DeadLetters {
        fn dead_letter_list(
            scope: &TenantScope, selection: &Selection, page: PageRequest
        ) -> Page<Delivery>;
        fn dead_letter_count(scope: &TenantScope, selection: &Selection, most: u32) -> Counted;
        fn dead_letter_discard(scope: &TenantScope, id: DeliveryId) -> Discarded;
        fn dead_letters_discard(scope: &TenantScope, selection: &Selection) -> DiscardedMany;
    }

    impl Replays {
        fn replay_count(
            scope: &TenantScope, mode: ReplayMode, selection: &Selection, most: u32
        ) -> Option<Counted>;
        fn replay_create(scope: &TenantScope, new: NewReplay, limit: u32) -> ReplayCreated;
        fn replay_get(scope: &TenantScope, id: ReplayId) -> Option<ReplayJob>;
        fn replay_list(scope: &TenantScope, page: PageRequest) -> Page<ReplayJob>;
        fn replay_change(scope: &TenantScope, id: ReplayId, to: ReplayState) -> ReplayChanged;
        fn replay_step(limits: StepLimits) -> Option<ReplayStepped>;
    }

    impl Retention {
        fn held_expire(limit: u32) -> u64;
        fn partitions_remove(usual: Days) -> PartitionRemoval;
        fn expired_remove(usual: Days) -> Option<Removed>;
        fn event_expunge(scope: &TenantScope, id: &str) -> Expunged;
    }

    impl Operations {
        fn operational_events(limit: u32, stale_after: Duration) -> Vec<OperationalEvent>;
        fn operational_events_remove(ids: &[OperationalEventId]) -> ();
        asks nobody: fn operator() -> Option<TenantId>;
    }

    impl Upkeep {
        fn migrate() -> Migrated;
        fn partitions_ensure() -> ();
        fn ping() -> ();
        asks nobody: fn pools() -> Vec<PoolUse>;
    }
}

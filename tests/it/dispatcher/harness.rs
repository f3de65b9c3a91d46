//! A database, queues and a tenant; and waiting.
//!
//! Whoever closes a scene has it checked that nothing is left in flight, that every change of a
//! state was one that the state machine knows, and that attempts are numbered without gaps.

use super::running::{Options, Running};
use postrider_broker::conformance::eventually;
use postrider_broker::{Published, Queue, SharedBroker, WorkItem, WorkMessage};
use postrider_common::attempt::{Attempt, AttemptRecord, FailureKind};
use postrider_common::delivery::{DeadReason, Delivery, DeliveryState};
use postrider_common::endpoint::Endpoint;
use postrider_common::id::DeliveryId;
use postrider_common::keeping::Keeping;
use postrider_common::seal::{Keyring, Owner};
use postrider_common::tenant::{NewTenant, TenantId, TenantScope};
use postrider_contract::{DEFAULT_CONTRACT, RetrySchedule};
use postrider_store::conformance::{Subject, fixtures};
use postrider_store::{Accepted, NewEndpoint, NewEvent, SharedStore, TenantCreated};
use postrider_testkit::{Receiver, TestQueues, TestStore};
use secrecy::SecretString;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use tokio::net::TcpListener;

/// How long anything that must happen may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
/// By how much a time may be later than asked for, on a busy machine.
pub(super) const SLACK: time::Duration = time::Duration::seconds(20);
/// A secret that receivers know which are not told another.
pub(super) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// 32 bytes each, in base64.
pub(super) const MASTER_KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const OTHER_MASTER_KEY: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

/// A migrated database, queues of its own, and one tenant.
pub(super) struct Scene {
    pub(super) subject: Subject,
    pub(super) store: SharedStore,
    pub(super) broker: SharedBroker,
    pub(super) tenant: TenantScope,
    queues: TestQueues,
}

impl Scene {
    pub(super) async fn start() -> Self {
        Self::start_with(DEFAULT_CONTRACT).await
    }

    /// With a tenant that has this contract.
    pub(super) async fn start_with(contract: &str) -> Self {
        let queues = TestQueues::create();
        let broker = queues.connect();
        let subject = subject().await;
        let store = Arc::clone(&subject.store);
        let tenant = tenant(&store, "acme", contract).await;
        until("the broker answers", async || broker.ping().await.is_ok()).await;
        Self { subject, store, broker, tenant, queues }
    }

    /// Starts a dispatcher with connections of its own to the broker.
    pub(super) async fn dispatch(&self) -> Running {
        self.dispatch_with(Options::default()).await
    }

    pub(super) async fn dispatch_with(&self, options: Options) -> Running {
        self.dispatch_on(Arc::clone(&self.store), options).await
    }

    /// Starts a dispatcher on a store that stands before the scene's own.
    pub(super) async fn dispatch_on(&self, store: SharedStore, options: Options) -> Running {
        let keyring = keyring(MASTER_KEY);
        Running::start(store, &self.queues, keyring, options).await
    }

    /// An endpoint of the tenant at a receiver that verifies with its own secret.
    pub(super) async fn hook(
        &self,
        receiver: &Receiver,
        change: impl FnOnce(&mut NewEndpoint),
    ) -> Endpoint {
        self.endpoint(&receiver.url(), &receiver.secret(), change).await
    }

    /// An endpoint of the tenant that wants everything.
    pub(super) async fn endpoint(
        &self,
        url: &str,
        secret: &str,
        change: impl FnOnce(&mut NewEndpoint),
    ) -> Endpoint {
        self.endpoint_of(&self.tenant, url, secret, change).await
    }

    pub(super) async fn endpoint_of(
        &self,
        tenant: &TenantScope,
        url: &str,
        secret: &str,
        change: impl FnOnce(&mut NewEndpoint),
    ) -> Endpoint {
        let secret = SecretString::from(secret);
        let new = |new: &mut NewEndpoint| {
            let owner = Owner { tenant: tenant.tenant(), endpoint: new.id };
            new.secret = keyring(MASTER_KEY).seal(&secret, owner).unwrap();
            url.clone_into(&mut new.url);
            change(new);
        };
        self.subject.endpoint_with(tenant, new).await
    }

    /// Accepts so many events, and gives the deliveries that want a message.
    pub(super) async fn accept(&self, count: usize) -> Vec<WorkItem> {
        let events: Vec<_> = (0..count).map(|_| fixtures::event(&self.tenant)).collect();
        self.accept_these(&events).await
    }

    pub(super) async fn accept_these(&self, events: &[NewEvent]) -> Vec<WorkItem> {
        let accepted = self.subject.accept(events).await;
        let queued = accepted.into_iter().flat_map(|accepted| match accepted {
            Accepted::New { queued, .. } => queued,
            other => panic!("not new: {other:?}"),
        });
        queued
            .map(|one| WorkItem { delivery: one.id, endpoint: one.endpoint, tenant: one.tenant })
            .collect()
    }

    /// Publishes messages that name these deliveries, in their order.
    pub(super) async fn publish(&self, queue: Queue, items: &[WorkItem]) {
        let items = items.to_vec();
        for message in WorkMessage::split(items) {
            let published = self.broker.publish(queue, &message).await;
            assert_eq!(published.unwrap(), Published::Confirmed);
        }
    }

    /// Accepts so many events and publishes their deliveries, as ingest does.
    pub(super) async fn send(&self, count: usize) -> Vec<WorkItem> {
        let items = self.accept(count).await;
        self.publish(Queue::First, &items).await;
        items
    }

    pub(super) async fn delivery(&self, id: DeliveryId) -> Delivery {
        self.subject.delivery(&self.tenant, id).await
    }

    pub(super) async fn attempts(&self, id: DeliveryId) -> Vec<Attempt> {
        self.store.attempt_list(&self.tenant, id).await.unwrap()
    }

    /// The kinds of failure of a delivery's attempts, in their order.
    pub(super) async fn failures(&self, id: DeliveryId) -> Vec<Option<FailureKind>> {
        self.attempts(id).await.iter().map(|attempt| attempt.record.failure).collect()
    }

    /// Waits until a delivery is in a state, and gives it.
    pub(super) async fn until_state(&self, id: DeliveryId, state: DeliveryState) -> Delivery {
        eventually(async || {
            let delivery = self.delivery(id).await;
            if delivery.state == state { Ok(delivery) } else { Err(delivery) }
        })
        .await
    }

    /// Waits until a delivery had so many attempts and none is in flight, and gives it.
    pub(super) async fn until_attempted(&self, id: DeliveryId, attempts: u32) -> Delivery {
        eventually(async || {
            let delivery = self.delivery(id).await;
            let done = delivery.attempts == attempts && delivery.state != DeliveryState::InFlight;
            if done { Ok(delivery) } else { Err(delivery) }
        })
        .await
    }

    /// Sends one delivery, which must be given up after a single attempt.
    pub(super) async fn send_one_with_a_single_attempt(&self) {
        let id = self.send(1).await[0].delivery;
        let dead = self.until_state(id, DeliveryState::Dead).await;
        assert_eq!((dead.attempts, dead.dead_reason), (1, Some(DeadReason::Exhausted)));
    }

    /// How many of the tenant's deliveries are in this state.
    pub(super) async fn count(&self, state: DeliveryState) -> usize {
        let deliveries = self.subject.deliveries(&self.tenant).await;
        deliveries.iter().filter(|delivery| delivery.state == state).count()
    }

    /// Failures that cost a delivery a step of its schedule.
    pub(super) async fn steps_spent(&self, id: DeliveryId) -> u32 {
        self.subject.raw(id).await.failures
    }

    /// The database's time.
    pub(super) async fn now(&self) -> OffsetDateTime {
        self.subject.hooks.now().await.unwrap()
    }

    /// Waits until nobody has to do anything about the queues' messages any more.
    pub(super) async fn until_queues_are_empty(&self) {
        until("the queues are empty", async || {
            let ready = async |queue| self.broker.ready(queue).await.unwrap();
            ready(Queue::First).await + ready(Queue::Retry).await == 0
        })
        .await;
    }

    /// Checks what must hold when a test ends.
    pub(super) async fn close(self) {
        self.broker.close().await;
        check(&self.subject, &self.tenant).await;
    }
}

/// A store with the watch on every change of a state.
pub(super) async fn subject() -> Subject {
    let subject = TestStore::create().await.into_subject();
    subject.hooks.watch_transitions().await.unwrap();
    subject
}

/// A new tenant with a contract.
pub(super) async fn tenant(store: &SharedStore, id: &str, contract: &str) -> TenantScope {
    let id = TenantId::parse(id).unwrap();
    let (name, contract) = (id.to_string(), contract.to_owned());
    let new = NewTenant { id: id.clone(), name, contract, keeping: Keeping::default() };
    assert!(matches!(store.tenant_create(new).await.unwrap(), TenantCreated::Created(_)));
    TenantScope::authorised(id)
}

/// Nothing is in flight, no state was left out, and attempts are numbered from 1 on.
pub(super) async fn check(subject: &Subject, tenant: &TenantScope) {
    for (was, became) in subject.hooks.transitions().await.unwrap() {
        let state = |name: &str| DeliveryState::from_name(name).unwrap();
        assert!(state(&was).may_become(state(&became)), "{was} must not become {became}");
    }
    for delivery in subject.deliveries(tenant).await {
        assert_ne!(delivery.state, DeliveryState::InFlight, "{delivery:?}");
        let attempts = subject.store.attempt_list(tenant, delivery.id).await.unwrap();
        let numbers: Vec<u32> = attempts.iter().map(|attempt| attempt.number).collect();
        assert_eq!(numbers, (1..=delivery.attempts).collect::<Vec<_>>(), "{delivery:?}");
    }
}

/// Asks again and again until it is so.
pub(super) async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    eventually(async || if is_so().await { Ok(()) } else { Err(what.to_owned()) }).await;
}

/// When an attempt ended, on the database's clock.
pub(super) fn end_of(record: &AttemptRecord) -> OffsetDateTime {
    record.started_at + record.duration
}

/// An endpoint's own schedule, for [`Scene::endpoint`].
pub(super) fn schedule(seconds: &[u32]) -> impl FnOnce(&mut NewEndpoint) + use<> {
    let schedule = RetrySchedule::from_seconds(seconds).unwrap();
    move |new| new.retry_schedule = Some(schedule)
}

/// Seals an endpoint's secret with a master key that the dispatcher does not have.
pub(super) fn seal_with_another_key(tenant: &TenantScope, new: &mut NewEndpoint) {
    let owner = Owner { tenant: tenant.tenant(), endpoint: new.id };
    new.secret = keyring(OTHER_MASTER_KEY).seal(&SecretString::from(SECRET), owner).unwrap();
}

/// A URL at which nobody listens.
pub(super) async fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}/hook", listener.local_addr().unwrap())
}

pub(super) fn keyring(key: &str) -> Keyring {
    key.parse().unwrap()
}

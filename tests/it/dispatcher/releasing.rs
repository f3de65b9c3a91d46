//! Claims that are given back because there is nothing to be sent under them: as if they had never
//! been made.

use super::flaky::{Flaky, Mood};
use super::harness::{SECRET, Scene, check, schedule, tenant, until};
use super::rate::limited;
use super::running::{Options, Running};
use postrider_broker::Queue;
use postrider_common::contracts::ContractsConfig;
use postrider_common::delivery::{DeadReason, DeliveryState};
use postrider_common::endpoint::Endpoint;
use postrider_common::id::DeliveryId;
use postrider_common::metrics::Metrics;
use postrider_contract::Contract;
use postrider_store::conformance::fixtures;
use postrider_store::{ContractBook, EndpointPatch, SharedStore};
use postrider_testkit::{Behaviour, Ledger, Receiver};
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;

const STANDARD: &str = include_str!("../../../contracts/standard-webhooks.toml");
/// What a dispatcher asks after its claim, before it sends.
const LOOK_UP: &str = "endpoint_for_sending";

/// A delivery that is claimed and not yet sent.
struct Claimed {
    scene: Scene,
    flaky: Arc<Flaky>,
    dispatcher: Running,
    receiver: Receiver,
    endpoint: Endpoint,
    id: DeliveryId,
}

impl Claimed {
    async fn new() -> Self {
        Self::of(Scene::start().await).await
    }

    async fn of(scene: Scene) -> Self {
        let receiver = Receiver::start(Behaviour::ok()).await;
        let endpoint = scene.hook(&receiver, |_| {}).await;
        let flaky = Flaky::before(Arc::clone(&scene.store));
        flaky.fail(&[LOOK_UP], Mood::Waits);
        let store = Arc::clone(&flaky) as SharedStore;
        let dispatcher = scene.dispatch_on(store, Options::default()).await;
        let id = scene.send(1).await[0].delivery;
        scene.until_state(id, DeliveryState::InFlight).await;
        Self { scene, flaky, dispatcher, receiver, endpoint, id }
    }

    /// Whether a claim was given back by now.
    async fn is_released(&self) -> bool {
        is_released(&self.scene).await
    }

    /// Gives the endpoint a time-out that is longer than the lease.
    async fn outlast_the_lease(&self) {
        let timeout = Some(Some(Duration::from_mins(1)));
        let patch = EndpointPatch { timeout, ..EndpointPatch::default() };
        self.scene.subject.patch(&self.scene.tenant, &self.endpoint, patch).await;
    }

    /// Waits until it is delivered, at the first attempt that anybody knows of.
    async fn finish(self) {
        let delivered = self.scene.until_state(self.id, DeliveryState::Delivered).await;
        assert_eq!(delivered.attempts, 1);
        assert!(self.is_released().await);
        self.dispatcher.stop().await;
        assert_eq!(self.receiver.ledger(Ledger::len), 1);
        self.scene.close().await;
    }
}

/// The lease was made for the time-out that the endpoint had before.
#[tokio::test]
async fn a_lease_that_does_not_outlast_the_time_out_is_given_back() {
    let claimed = Claimed::new().await;
    claimed.outlast_the_lease().await;

    claimed.flaky.heal();

    claimed.finish().await;
}

/// An hour has room for one request, which is the one that is sent.
#[tokio::test]
async fn a_claim_that_is_given_back_uses_up_no_rate() {
    let claimed = Claimed::of(limited(&[(1, 3600)]).await).await;
    claimed.outlast_the_lease().await;

    claimed.flaky.heal();

    claimed.finish().await;
}

#[tokio::test]
async fn a_claim_whose_endpoint_cannot_be_read_now_is_given_back() {
    let claimed = Claimed::new().await;

    claimed.flaky.fail(&[LOOK_UP], Mood::Away);
    until("it is given back", async || claimed.is_released().await).await;
    claimed.flaky.heal();

    claimed.finish().await;
}

#[tokio::test]
async fn a_claim_whose_endpoint_is_deleted_meanwhile_is_given_back() {
    let claimed = Claimed::new().await;
    let Claimed { scene, .. } = &claimed;
    scene.subject.delete(&scene.tenant, &claimed.endpoint).await;

    claimed.flaky.heal();

    let dead = scene.until_state(claimed.id, DeliveryState::Dead).await;
    assert_eq!((dead.dead_reason, dead.attempts), (Some(DeadReason::EndpointDeleted), 0));
    assert_eq!(scene.attempts(claimed.id).await.len(), 0);
    claimed.dispatcher.stop().await;
    assert_eq!(claimed.receiver.ledger(Ledger::len), 0);
    claimed.scene.close().await;
}

/// Not this release, anyhow. It is not taken for a deleted one, and nothing spins.
#[tokio::test]
async fn a_claim_whose_endpoint_nobody_can_read_waits_until_somebody_can() {
    let claimed = Claimed::new().await;
    let Claimed { scene, endpoint, .. } = &claimed;
    scene.subject.hooks.spoil_endpoint(endpoint.id, false).await.unwrap();
    let before = scene.now().await;
    claimed.flaky.heal();
    until("it is given back", async || claimed.is_released().await).await;

    rests(scene, endpoint, before).await;
    assert_eq!(claimed.receiver.ledger(Ledger::len), 0);
    scene.subject.hooks.spoil_endpoint(endpoint.id, true).await.unwrap();

    claimed.finish().await;
}

/// As in an upgrade, while old dispatchers meet a contract that only new ones can read.
#[tokio::test]
async fn a_delivery_whose_contract_nobody_knows_waits_for_it() {
    const STRANGE: &str = "of-another-world";
    let scene = Scene::start().await;
    let receiver = Receiver::start(Behaviour::ok()).await;
    receiver.trust(SECRET);
    let dispatcher = scene.dispatch().await;
    let strange = tenant(&scene.store, "strange", STRANGE).await;
    let endpoint = scene.endpoint_of(&strange, &receiver.url(), SECRET, schedule(&[])).await;
    let before = scene.now().await;

    let items = scene.accept_these(&[fixtures::event(&strange)]).await;
    scene.publish(Queue::First, &items).await;
    until("it is given back", async || is_released(&scene).await).await;
    rests(&scene, &endpoint, before).await;
    let contract = named(STRANGE);
    scene.store.contracts_put(&[contract]).await.unwrap();

    let id = items[0].delivery;
    until("it is delivered", async || {
        scene.subject.delivery(&strange, id).await.state == DeliveryState::Delivered
    })
    .await;
    assert_eq!(scene.store.attempt_list(&strange, id).await.unwrap().len(), 1);
    dispatcher.stop().await;
    assert_eq!(receiver.ledger(Ledger::len), 1);
    check(&scene.subject, &strange).await;
    scene.close().await;
}

/// The contract in force is known, and the version that it was accepted under is not to be read.
#[tokio::test]
async fn a_delivery_whose_version_of_the_contract_cannot_be_read_waits_for_it() {
    let scene = Scene::start().await;
    let receiver = Receiver::start(Behaviour::ok()).await;
    let endpoint = scene.hook(&receiver, |_| {}).await;
    let own = ContractsConfig::default();
    let book = ContractBook::new(Arc::clone(&scene.store), &own, &Metrics::new());
    book.refresh().await.unwrap();
    let flaky = Flaky::before(Arc::clone(&scene.store));
    flaky.fail(&["contracts_put", "contracts_in_force", "contract_version"], Mood::Unreadable);
    let dispatcher = scene.dispatch_on(Arc::clone(&flaky) as SharedStore, Options::default()).await;
    let before = scene.now().await;

    let id = scene.send(1).await[0].delivery;
    until("it is given back", async || is_released(&scene).await).await;
    assert!(flaky.failed("contract_version") > 0);
    rests(&scene, &endpoint, before).await;
    flaky.heal();

    assert_eq!(scene.until_state(id, DeliveryState::Delivered).await.attempts, 1);
    dispatcher.stop().await;
    assert_eq!(receiver.ledger(Ledger::len), 1);
    scene.close().await;
}

/// The default contract under another name.
fn named(name: &str) -> Arc<Contract> {
    let own = format!("name = \"{name}\"");
    let text = STANDARD.replace("name = \"standard-webhooks\"", &own);
    Arc::new(Contract::parse("own.toml", &text).unwrap())
}

/// Whether a claim was given back by now.
async fn is_released(scene: &Scene) -> bool {
    let transitions = scene.subject.hooks.transitions().await.unwrap();
    let name = |state: DeliveryState| state.as_str().to_owned();
    transitions.contains(&(name(DeliveryState::InFlight), name(DeliveryState::Scheduled)))
}

/// An endpoint is fed nothing for a moment.
async fn rests(scene: &Scene, endpoint: &Endpoint, before: OffsetDateTime) {
    let until = scene.subject.hooks.feed_after(endpoint.id).await.unwrap();
    assert!(until.unwrap() >= before + time::Duration::SECOND);
}

//! Probes: an endpoint that was switched off for its failures and wants it is tried with one delivery now
//! and then, and gets what it is owed once it answers.

use super::brokers::Obedient;
use super::harness::{PATIENCE, Scene, until};
use super::running::Options;
use postrider_broker::SharedBroker;
use postrider_common::delivery::{DeadReason, DeliveryState, Transition};
use postrider_common::endpoint::{DisableReason, Disabled, Endpoint};
use postrider_common::id::DeliveryId;
use postrider_common::probing::rest_after;
use postrider_contract::{Contract, RetrySchedule};
use postrider_dispatcher::workers::{Pace, Prober};
use postrider_store::conformance::fixtures::{dead, named};
use postrider_store::{Claim, EndpointPatch, Settlement};
use postrider_testkit::{Answer, Behaviour, Ledger, Receiver};
use std::sync::Arc;

const STANDARD: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../contracts/standard-webhooks.toml"));
const STRICT: &str = "strict";
const DOWN: Answer = Answer::Status(500);

/// A tenant whose contract is Standard Webhooks, but switches endpoints off; and one of its endpoints,
/// which has two attempts.
struct Stage {
    scene: Scene,
    receiver: Receiver,
    endpoint: Endpoint,
}

impl Stage {
    async fn set() -> Self {
        let text = STANDARD
            .replace("name = \"standard-webhooks\"", &format!("name = \"{STRICT}\""))
            .replace("after_last = \"fail\"", "after_last = \"disable-endpoint\"");
        let contract = Contract::parse("strict.toml", &text).unwrap();
        let scene = Scene::start_with(STRICT).await;
        scene.store.contracts_put(&[Arc::new(contract)]).await.unwrap();
        let receiver = Receiver::start(Behaviour::always(DOWN)).await;
        let endpoint = scene.hook(&receiver, |new| {
            new.auto_enable = true;
            new.retry_schedule = Some(RetrySchedule::from_seconds(&[0]).unwrap());
        });
        let endpoint = endpoint.await;
        Self { scene, receiver, endpoint }
    }

    /// Has a delivery exhaust its schedule, which switches the endpoint off, and accepts so many more.
    async fn go_off(&self, owed: usize) -> Vec<DeliveryId> {
        let last = self.scene.send(1).await[0].delivery;
        self.scene.until_state(last, DeliveryState::Dead).await;
        assert_eq!(self.off().await.unwrap().reason, DisableReason::Exhausted);
        self.scene.accept(owed).await;
        let deliveries = self.scene.subject.deliveries(&self.scene.tenant).await;
        let held = deliveries.iter().filter(|one| one.state == DeliveryState::Held);
        let mut held: Vec<_> = held.map(|one| one.id).collect();
        assert_eq!(held.len(), owed);
        held.sort_unstable();
        held
    }

    async fn off(&self) -> Option<Disabled> {
        let found = self.scene.store.endpoint_get(&self.scene.tenant, &named(&self.endpoint)).await;
        found.unwrap().unwrap().disabled
    }

    /// Moves time to when an endpoint that was probed so often is to be probed again.
    async fn rest(&self, probes: u32) {
        self.scene.subject.age(rest_after(probes).as_secs() + 20).await;
    }

    /// Waits until a delivery is held, after so many attempts.
    async fn until_held_after(&self, id: DeliveryId, attempts: u32) {
        self.scene.until_attempted(id, attempts).await;
        self.scene.until_state(id, DeliveryState::Held).await;
    }
}

/// A probe that fails costs its delivery an attempt and lets nothing else out; one that succeeds lets out
/// everything.
#[tokio::test]
async fn an_endpoint_that_answers_again_is_on_again() {
    let stage = Stage::set().await;
    let dispatcher = stage.scene.dispatch().await;
    let held = stage.go_off(20).await;
    assert_eq!(stage.receiver.ledger(Ledger::len), 2);

    stage.rest(0).await;
    stage.until_held_after(held[0], 1).await;
    assert_eq!(stage.receiver.ledger(Ledger::len), 3);
    assert_eq!(stage.scene.count(DeliveryState::Held).await, 20);
    let next = stage.off().await.unwrap().next_probe_at.unwrap() - stage.scene.now().await;
    assert!(next > rest_after(0) && next <= rest_after(1), "{next}");

    stage.receiver.behave(Behaviour::ok());
    stage.rest(1).await;
    until("all have arrived", async || stage.scene.count(DeliveryState::Delivered).await == 20)
        .await;
    assert!(stage.off().await.is_none());
    assert_eq!(stage.scene.delivery(held[0]).await.attempts, 2);
    let sent: Vec<_> = stage.receiver.ledger(|ledger| {
        ledger.requests()[3..].iter().map(|request| request.webhook_id.clone()).collect()
    });
    assert_eq!(sent.len(), 20);
    assert_eq!(sent[0], format!("msg_{}", held[0]), "the probe is alone");
    dispatcher.stop().await;
    stage.scene.close().await;
}

/// Each has its last chance as a probe, and ends by the contract; the endpoint stays off, with nothing
/// that could be sent.
#[tokio::test]
async fn deliveries_end_by_their_schedule_as_probes_too() {
    let stage = Stage::set().await;
    let dispatcher = stage.scene.dispatch().await;
    let held = stage.go_off(1).await;
    let since = stage.off().await.unwrap().at;
    stage.rest(0).await;
    stage.until_held_after(held[0], 1).await;
    stage.rest(1).await;
    let dead = stage.scene.until_state(held[0], DeliveryState::Dead).await;
    assert_eq!(dead.attempts, 2);
    let off = stage.off().await.unwrap();
    assert_eq!((off.at, off.reason), (since, DisableReason::Exhausted));

    stage.receiver.behave(Behaviour::ok());
    stage.rest(2).await;
    let store = Arc::clone(&stage.scene.store);
    let prober = Prober::new(store, Arc::clone(&stage.scene.broker));
    assert_eq!(prober.run_once().await.unwrap(), 0);
    assert!(stage.off().await.is_some());
    dispatcher.stop().await;
    stage.scene.close().await;
}

/// Its receiver says for good that it wants nothing.
#[tokio::test]
async fn a_probe_that_is_answered_with_410_is_the_last() {
    let stage = Stage::set().await;
    let dispatcher = stage.scene.dispatch().await;
    let held = stage.go_off(2).await;
    stage.receiver.behave(Behaviour::always(Answer::Status(410)));
    stage.rest(0).await;
    stage.scene.until_state(held[0], DeliveryState::Dead).await;
    let off = stage.off().await.unwrap();
    assert_eq!((off.reason, off.next_probe_at), (DisableReason::Gone, None));
    dispatcher.stop().await;
    stage.scene.close().await;
}

/// A dispatcher that was told to stop has its request cut off: no attempt is lost, and the next dispatcher
/// probes in its time.
#[tokio::test]
async fn a_probe_that_is_cut_off_is_held() {
    let stage = Stage::set().await;
    let dispatcher = stage.scene.dispatch_with(Options::without_grace()).await;
    let held = stage.go_off(1).await;
    stage.receiver.behave(Behaviour::hanging());
    stage.rest(0).await;
    stage.receiver.wait_for(|ledger| ledger.open() == 1, PATIENCE).await.unwrap();
    dispatcher.stop().await;
    stage.scene.until_state(held[0], DeliveryState::Held).await;
    assert_eq!(stage.scene.steps_spent(held[0]).await, 0);

    stage.receiver.behave(Behaviour::ok());
    stage.rest(1).await;
    let dispatcher = stage.scene.dispatch().await;
    stage.scene.until_state(held[0], DeliveryState::Delivered).await;
    until("it is on", async || stage.off().await.is_none()).await;
    dispatcher.stop().await;
    stage.scene.close().await;
}

/// A broker that takes nothing: the delivery is held again.
#[tokio::test]
async fn a_probe_that_the_broker_does_not_take_is_held() {
    let stage = Stage::set().await;
    let dispatcher = stage.scene.dispatch().await;
    let held = stage.go_off(1).await;
    dispatcher.stop().await;
    stage.rest(0).await;
    let broker = Obedient::new();
    let prober = Arc::clone(&broker) as SharedBroker;
    let prober = Prober::new(Arc::clone(&stage.scene.store), prober);
    broker.away(true);
    assert_eq!(prober.run_once().await.unwrap(), 0);
    stage.scene.subject.assert_all(&held, DeliveryState::Held).await;
    broker.away(false);
    broker.take_only(0);
    assert_eq!(prober.run_once().await.unwrap(), 0);
    assert_eq!(broker.asked(), 1, "the probe was not spent while the broker was away");
    stage.scene.subject.follow().await;
    stage.scene.subject.assert_all(&held, DeliveryState::Held).await;
    stage.scene.close().await;
}

/// Without the word for it nothing is sent.
#[tokio::test]
async fn an_endpoint_that_does_not_want_it_stays_off() {
    let stage = Stage::set().await;
    let patch = EndpointPatch { auto_enable: Some(false), ..EndpointPatch::default() };
    stage.scene.subject.patch(&stage.scene.tenant, &stage.endpoint, patch).await;
    let dispatcher = stage.scene.dispatch().await;
    let held = stage.go_off(1).await;
    stage.rest(0).await;
    let prober = Prober::new(Arc::clone(&stage.scene.store), Arc::clone(&stage.scene.broker));
    assert_eq!(prober.run_once().await.unwrap(), 0);
    stage.scene.subject.assert_all(&held, DeliveryState::Held).await;
    assert_eq!(stage.receiver.ledger(Ledger::len), 2);
    dispatcher.stop().await;
    stage.scene.close().await;
}

/// However many there are, those with nothing to send hide no others.
#[tokio::test]
async fn endpoints_with_nothing_to_send_do_not_hold_the_others_up() {
    const MANY: usize = 300;
    let stage = Stage::set().await;
    let subject = &stage.scene.subject;
    for _ in 1..MANY {
        subject.endpoint_with(&stage.scene.tenant, |new| new.auto_enable = true).await;
    }
    let queued: Vec<_> = stage.scene.accept(1).await.iter().map(|one| one.delivery).collect();
    assert_eq!(queued.len(), MANY);
    let disable = Some(DisableReason::Exhausted);
    let transition = Transition::Dead { reason: DeadReason::Exhausted, disable };
    let exhausted = |claim| match claim {
        Claim::Claimed(one) => Settlement { transition, ..dead(&one, DeadReason::Exhausted) },
        other => panic!("not claimed: {other:?}"),
    };
    let claims = subject.claim(&queued).await.claims;
    let settlements: Vec<_> = claims.into_iter().map(exhausted).collect();
    stage.scene.store.deliveries_settle(&settlements).await.unwrap();
    stage.rest(0).await;

    let broker = Obedient::new() as SharedBroker;
    let prober = Prober::new(Arc::clone(&stage.scene.store), broker);
    assert_eq!(prober.step().await.unwrap(), Pace::AtOnce);
    assert_eq!(prober.step().await.unwrap(), Pace::NextTick);
    stage.scene.close().await;
}

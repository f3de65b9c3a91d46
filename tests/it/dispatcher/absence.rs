//! A database that is away while a dispatcher has something to ask or to write.

use super::flaky::{Flaky, Mood};
use super::harness::{Scene, schedule, until};
use super::raw::Raw;
use super::running::{Options, Running};
use postrider_common::delivery::DeliveryState;
use postrider_store::SharedStore;
use postrider_testkit::{Behaviour, Ledger, Receiver};
use std::sync::Arc;

/// What a database that is away does not do for a dispatcher's messages and attempts.
const ALL: [&str; 6] = [
    "deliveries_claim",
    "deliveries_settle",
    "deliveries_refuse",
    "deliveries_defer",
    "endpoint_for_sending",
    "ping",
];

async fn dispatch(scene: &Scene, options: Options) -> (Arc<Flaky>, Running) {
    let flaky = Flaky::before(Arc::clone(&scene.store));
    let dispatcher = scene.dispatch_on(Arc::clone(&flaky) as SharedStore, options).await;
    (flaky, dispatcher)
}

/// They are over their endpoint's cap, too, so that some wait to be claimed and some to be refused.
#[tokio::test]
async fn what_comes_meanwhile_is_sent_when_it_is_back() {
    let scene = Scene::start().await;
    let receiver = Receiver::start(Behaviour::ok()).await;
    scene.hook(&receiver, |_| {}).await;
    let (flaky, dispatcher) = dispatch(&scene, Options::default().limits(10, 2)).await;
    flaky.fail(&ALL, Mood::Away);

    scene.send(20).await;
    until("it asked", async || {
        flaky.failed("deliveries_claim") > 1 && flaky.failed("deliveries_refuse") > 1
    })
    .await;
    assert_eq!(receiver.ledger(Ledger::len), 0);
    flaky.heal();

    until("all are delivered", async || scene.count(DeliveryState::Delivered).await == 20).await;
    assert_eq!(receiver.ledger(Ledger::len), 20);
    dispatcher.stop().await;
    scene.until_queues_are_empty().await;
    scene.close().await;
}

#[tokio::test]
async fn an_attempt_is_written_down_when_it_is_back() {
    let scene = Scene::start().await;
    let raw = Raw::holding(super::raw::status(200)).await;
    scene.endpoint(&raw.url(), super::harness::SECRET, schedule(&[0])).await;
    let (flaky, dispatcher) = dispatch(&scene, Options::default()).await;
    let id = scene.send(1).await[0].delivery;
    raw.received(1).await;

    flaky.fail(&ALL, Mood::Away);
    raw.open();
    until("it tried", async || flaky.failed("deliveries_settle") > 1).await;
    assert_eq!(scene.delivery(id).await.state, DeliveryState::InFlight);
    flaky.heal();

    let delivered = scene.until_state(id, DeliveryState::Delivered).await;
    assert_eq!(delivered.attempts, 1);
    dispatcher.stop().await;
    assert_eq!(raw.count(), 1);
    scene.close().await;
}

#[tokio::test]
async fn a_dispatcher_that_is_stopped_meanwhile_leaves_its_messages_to_others() {
    let scene = Scene::start().await;
    let receiver = Receiver::start(Behaviour::ok()).await;
    scene.hook(&receiver, |_| {}).await;
    let (flaky, dispatcher) = dispatch(&scene, Options::default().limits(10, 2)).await;
    flaky.fail(&ALL, Mood::Away);
    scene.send(20).await;
    until("it asked", async || {
        flaky.failed("deliveries_claim") > 1 && flaky.failed("deliveries_refuse") > 1
    })
    .await;

    dispatcher.stop().await;

    assert_eq!(scene.count(DeliveryState::Queued).await, 20);
    let dispatcher = scene.dispatch().await;
    until("all are delivered", async || scene.count(DeliveryState::Delivered).await == 20).await;
    assert_eq!(receiver.ledger(Ledger::len), 20);
    dispatcher.stop().await;
    scene.close().await;
}

#[tokio::test]
async fn a_dispatcher_without_its_database_is_not_ready() {
    let scene = Scene::start().await;
    let (flaky, dispatcher) = dispatch(&scene, Options::default()).await;
    assert_eq!(dispatcher.health("readyz").await, 200);
    flaky.fail(&ALL, Mood::Away);
    assert_eq!((dispatcher.health("readyz").await, dispatcher.health("livez").await), (503, 200));
    flaky.heal();
    assert_eq!(dispatcher.health("readyz").await, 200);
    dispatcher.stop().await;
    scene.close().await;
}

/// With others and alone, time and again: what is known of the attempt is not thrown away.
#[tokio::test]
async fn an_attempt_is_written_down_although_settling_panics() {
    let scene = Scene::start().await;
    let receiver = Receiver::start(Behaviour::ok()).await;
    scene.hook(&receiver, |_| {}).await;
    let (flaky, dispatcher) = dispatch(&scene, Options::default()).await;
    flaky.fail(&["deliveries_settle"], Mood::Panics);
    let id = scene.send(1).await[0].delivery;
    until("it tried", async || flaky.failed("deliveries_settle") > 2).await;
    assert_eq!(scene.delivery(id).await.state, DeliveryState::InFlight);
    flaky.heal();

    let delivered = scene.until_state(id, DeliveryState::Delivered).await;
    assert_eq!((delivered.attempts, receiver.ledger(Ledger::len)), (1, 1));
    dispatcher.stop().await;
    scene.close().await;
}

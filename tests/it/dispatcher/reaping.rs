//! Leases that end with nobody to settle them, successes that come later than that, and a database
//! that was away.

use super::flaky::{Flaky, Mood};
use super::harness::{SECRET, Scene, check, schedule, subject, tenant, until};
use super::raw::{Raw, status};
use super::running::Options;
use postrider_broker::conformance::eventually;
use postrider_common::attempt::FailureKind;
use postrider_common::delivery::DeliveryState;
use postrider_contract::DEFAULT_CONTRACT;
use postrider_dispatcher::workers::Reaper;
use postrider_store::SharedStore;
use postrider_testkit::{Answer, Behaviour, Ledger, Receiver};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// After the database was away, dispatchers get this long to settle.
const AFTER_ABSENCE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn what_a_dead_dispatcher_had_in_flight_is_sent_again() {
    let scene = Scene::start().await;
    let receiver = Receiver::start(Behaviour::per_delivery([Answer::Status(500)])).await;
    scene.hook(&receiver, schedule(&[0])).await;
    let id = scene.accept(1).await[0].delivery;
    scene.subject.claim_one(id).await;
    let dispatcher = scene.dispatch().await;

    scene.subject.age(3600).await;

    // The lost attempt costs no step: after it there is room for a failure and its retry.
    scene.until_state(id, DeliveryState::Delivered).await;
    let failures = [Some(FailureKind::Lost), Some(FailureKind::Status), None];
    assert_eq!(scene.failures(id).await, failures);
    assert_eq!(receiver.ledger(Ledger::len), 2);
    dispatcher.stop().await;
    scene.close().await;
}

/// The endpoint is paused meanwhile, so that nobody claims the delivery again before.
#[tokio::test]
async fn a_success_that_comes_after_the_lease_is_written() {
    let scene = Scene::start().await;
    let raw = Raw::holding(status(200)).await;
    let endpoint = scene.endpoint(&raw.url(), SECRET, |_| {}).await;
    let dispatcher = scene.dispatch().await;
    let id = scene.send(1).await[0].delivery;
    raw.received(1).await;
    scene.subject.switch(&scene.tenant, &endpoint, false).await;
    scene.subject.age(3600).await;
    scene.until_state(id, DeliveryState::Held).await;
    assert_eq!(scene.failures(id).await, [Some(FailureKind::Lost)]);

    raw.open();

    let delivered = scene.until_state(id, DeliveryState::Delivered).await;
    assert_eq!(delivered.attempts, 1);
    assert_eq!(scene.failures(id).await, [None]);
    dispatcher.stop().await;
    assert_eq!(raw.count(), 1);
    scene.close().await;
}

/// What comes too late to count is not written over what happened since.
#[tokio::test]
async fn a_failure_that_comes_after_the_lease_changes_nothing() {
    let scene = Scene::start().await;
    let raw = Raw::holding(status(500)).await;
    let endpoint = scene.endpoint(&raw.url(), SECRET, schedule(&[3600])).await;
    let dispatcher = scene.dispatch().await;
    let id = scene.send(1).await[0].delivery;
    raw.received(1).await;
    scene.subject.switch(&scene.tenant, &endpoint, false).await;
    scene.subject.age(3600).await;
    scene.until_state(id, DeliveryState::Held).await;

    raw.open();
    dispatcher.stop().await;

    assert_eq!(scene.failures(id).await, [Some(FailureKind::Lost)]);
    assert_eq!((scene.delivery(id).await.attempts, scene.steps_spent(id).await), (1, 0));
    scene.close().await;
}

/// In real time, since the wait is on the reaper's own clock.
#[tokio::test]
async fn when_the_database_comes_back_the_reaper_waits() {
    let subject = subject().await;
    let tenant = tenant(&subject.store, "acme", DEFAULT_CONTRACT).await;
    subject.endpoint(&tenant).await;
    let flaky = Flaky::before(Arc::clone(&subject.store));
    let mut reaper = Reaper::new(Arc::clone(&flaky) as SharedStore);
    let mut begun = Vec::new();
    for _ in 0..3 {
        begun.push(subject.in_flight(&tenant).await.id);
    }
    subject.age(3600).await;
    assert_eq!(reaper.run_once().await.unwrap(), 3, "a reaper that knows of no absence");

    subject.in_flight(&tenant).await;
    subject.age(3600).await;
    flaky.fail(&["deliveries_reap"], Mood::Away);
    assert!(reaper.run_once().await.unwrap_err().is_unavailable());
    flaky.fail(&["ping"], Mood::Away);
    assert!(reaper.run_once().await.unwrap_err().is_unavailable());
    let back = Instant::now();
    flaky.heal();

    assert_eq!(reaper.run_once().await.unwrap(), 0, "its first look after the absence");
    let reaper = Mutex::new(reaper);
    eventually(async || match reaper.lock().await.run_once().await {
        Ok(0) => Err("it still waits"),
        other => Ok(other),
    })
    .await
    .unwrap();
    assert!(back.elapsed() >= AFTER_ABSENCE, "only {:?}", back.elapsed());
    check(&subject, &tenant).await;
}

/// As the dispatcher runs it: neither an absence nor a defect ends a worker.
#[tokio::test]
async fn a_worker_outlives_its_failures() {
    let scene = Scene::start().await;
    let receiver = Receiver::start(Behaviour::ok()).await;
    scene.hook(&receiver, |_| {}).await;
    let flaky = Flaky::before(Arc::clone(&scene.store));
    for mood in [Mood::Panics, Mood::Away] {
        flaky.fail(&["deliveries_feed", "deliveries_reap", "partitions_ensure"], mood);
        let store = Arc::clone(&flaky) as SharedStore;
        let dispatcher = scene.dispatch_on(store, Options::default()).await;
        let before = flaky.failed("deliveries_feed");
        until("it fails again", async || flaky.failed("deliveries_feed") > before + 1).await;
        flaky.heal();
        let id = scene.subject.schedule(&scene.tenant, 1).await[0];
        scene.until_state(id, DeliveryState::Delivered).await;
        dispatcher.stop().await;
    }
    scene.close().await;
}

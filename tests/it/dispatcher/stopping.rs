//! Stopping: what is in flight finishes, what does not is cut off and on record, and a dispatcher
//! that comes after goes on from there.

use super::harness::{SECRET, Scene, schedule, until};
use super::raw::{Raw, status};
use super::running::Options;
use postrider_common::attempt::FailureKind;
use postrider_common::delivery::DeliveryState;
use postrider_testkit::{Answer, Behaviour, Ledger, Receiver};
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

/// Three rounds, each with more to do than is done when it ends.
#[tokio::test]
async fn stopping_under_load_loses_nothing_and_sends_nothing_twice() {
    const EVENTS: usize = 120;
    let scene = Scene::start().await;
    let slow = Behaviour::always(Answer::Later(Duration::from_millis(100), 200));
    let receiver = Receiver::start(slow).await;
    scene.hook(&receiver, |_| {}).await;
    scene.send(EVENTS).await;
    let options = Options::default().limits(30, 20);

    for round in 0..3 {
        let before = receiver.ledger(Ledger::len);
        let dispatcher = scene.dispatch_with(options).await;
        receiver.wait_for(|ledger| ledger.len() > before, super::harness::PATIENCE).await.unwrap();
        dispatcher.stop().await;
        let sent = receiver.ledger(Ledger::len);
        assert!(sent < EVENTS, "round {round} is one under load");
        assert_eq!(receiver.ledger(Ledger::open), 0, "nothing was cut off in round {round}");
        assert_eq!(scene.count(DeliveryState::Delivered).await, sent);
        assert_eq!(scene.count(DeliveryState::InFlight).await, 0);
    }

    let dispatcher = scene.dispatch().await;
    until("all are delivered", async || scene.count(DeliveryState::Delivered).await == EVENTS)
        .await;
    dispatcher.stop_with_all_its_tasks().await;
    assert_eq!(receiver.ledger(Ledger::len), EVENTS);
    assert_eq!(receiver.ledger(Ledger::delivered), EVENTS);
    scene.close().await;
}

#[tokio::test]
async fn what_hangs_longer_than_the_grace_is_cut_off_and_made_again() {
    let scene = Scene::start().await;
    let answers = [Answer::Hang, Answer::Hang];
    let receiver = Receiver::start(Behaviour::at_first(answers)).await;
    scene.hook(&receiver, schedule(&[3600])).await;
    let dispatcher = scene.dispatch_with(Options::without_grace()).await;
    let items = scene.send(2).await;
    until("they hang", async || receiver.ledger(Ledger::open) == 2).await;

    dispatcher.stop_with_all_its_tasks().await;

    let now = scene.now().await;
    for item in &items {
        let id = item.delivery;
        let delivery = scene.delivery(id).await;
        assert_eq!(delivery.state, DeliveryState::Scheduled);
        assert!(delivery.next_attempt_at.unwrap() <= now, "it is due at once");
        assert_eq!(scene.failures(id).await, [Some(FailureKind::Cancelled)]);
        assert_eq!(scene.steps_spent(id).await, 0);
        let record = &scene.attempts(id).await[0].record;
        assert_eq!((record.request_headers.len(), record.response.is_none()), (7, true));
    }
    let dispatcher = scene.dispatch().await;
    for item in &items {
        let delivered = scene.until_state(item.delivery, DeliveryState::Delivered).await;
        assert_eq!(delivered.attempts, 2);
    }
    dispatcher.stop().await;
    scene.close().await;
}

/// The answer comes while the dispatcher drains.
#[tokio::test]
async fn readiness_drops_first_and_health_is_answered_to_the_end() {
    let scene = Scene::start().await;
    let raw = Raw::holding(status(200)).await;
    scene.endpoint(&raw.url(), SECRET, |_| {}).await;
    let dispatcher = scene.dispatch().await;
    assert_eq!((dispatcher.health("livez").await, dispatcher.health("readyz").await), (200, 200));
    let id = scene.send(1).await[0].delivery;
    raw.received(1).await;

    dispatcher.cancel();

    until("it is not ready", async || dispatcher.health("readyz").await == 503).await;
    assert_eq!(dispatcher.health("livez").await, 200);
    assert_eq!(scene.delivery(id).await.state, DeliveryState::InFlight);
    raw.open();
    dispatcher.stop().await;
    assert_eq!(scene.delivery(id).await.state, DeliveryState::Delivered);
    scene.close().await;
}

#[tokio::test]
async fn who_never_ends_asking_for_health_does_not_keep_it() {
    let scene = Scene::start().await;
    let dispatcher = scene.dispatch().await;
    let mut asking = TcpStream::connect(dispatcher.health).await.unwrap();
    asking.write_all(b"GET /livez HTTP/1.1\r\nhost: ").await.unwrap();
    assert_eq!(dispatcher.health("livez").await, 200);

    dispatcher.stop().await;

    drop(asking);
    scene.close().await;
}

//! Slots: no endpoint holds more than its cap, and one that hangs does not delay another. What tenants and
//! retries may hold is `sharing`'s.

use super::harness::{SECRET, Scene, until};
use super::running::Options;
use postrider_broker::Queue;
use postrider_common::delivery::DeliveryState;
use postrider_common::id::DeliveryId;
use postrider_dispatcher::workers::Feeder;
use postrider_store::conformance::fixtures::{event, event_type, wants};
use postrider_store::{NewEndpoint, NewEvent};
use postrider_testkit::{Answer, Behaviour, Ledger, Receiver};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;

/// More than any test waits.
fn patient(new: &mut NewEndpoint) {
    new.timeout = Some(Duration::from_mins(2));
}

#[tokio::test]
async fn an_endpoint_never_has_more_in_flight_than_its_cap() {
    const CAP: u32 = 3;
    let scene = Scene::start().await;
    let slow = Answer::Later(Duration::from_millis(60), 200);
    let receivers =
        [Receiver::start(Behaviour::always(slow)).await, Receiver::start(Behaviour::ok()).await];
    for receiver in &receivers {
        scene.hook(receiver, |_| {}).await;
    }
    let dispatcher = scene.dispatch_with(Options::default().limits(100, CAP)).await;

    scene.send(12).await;
    until("all are delivered", async || scene.count(DeliveryState::Delivered).await == 24).await;

    for receiver in &receivers {
        receiver.ledger(|ledger| {
            assert_eq!(ledger.len(), 12);
            assert!(ledger.most_open() <= CAP as usize, "{} at a time", ledger.most_open());
        });
    }
    assert_eq!(receivers[0].ledger(Ledger::most_open), CAP as usize, "the cap was reached");
    dispatcher.stop().await;
    scene.close().await;
}

/// Due for an hour, they are handed out by a feeder that knows no cap.
#[tokio::test]
async fn what_is_over_the_cap_goes_back_with_its_due_time_and_the_endpoint_rests() {
    const CAP: u32 = 2;
    let scene = Scene::start().await;
    let receiver = Receiver::start(Behaviour::hanging()).await;
    let endpoint = scene.hook(&receiver, patient).await;
    let ids = scene.subject.schedule(&scene.tenant, 40).await;
    scene.subject.age(3600).await;
    let due = due_times(&scene).await;
    let feeder = Feeder::new(Arc::clone(&scene.store), Arc::clone(&scene.broker), 1000);
    assert_eq!(feeder.run_once().await.unwrap().handed_out, ids.len());
    let before = scene.now().await;

    let dispatcher = scene.dispatch_with(Options::without_grace().limits(100, CAP)).await;
    until("the rest is refused", async || scene.count(DeliveryState::Scheduled).await == 38).await;

    assert_eq!(scene.count(DeliveryState::InFlight).await, CAP as usize);
    for (id, due_now) in due_times(&scene).await {
        assert_eq!(due_now, due[&id], "a refusal changes no due time");
    }
    let rests_until = scene.subject.hooks.feed_after(endpoint.id).await.unwrap().unwrap();
    let second = time::Duration::SECOND;
    assert!(before + second <= rests_until && rests_until <= scene.now().await + second);
    scene.until_queues_are_empty().await;
    dispatcher.stop().await;
    assert_eq!(receiver.ledger(Ledger::len), CAP as usize);
    scene.close().await;
}

/// When each delivery that is scheduled is due.
async fn due_times(scene: &Scene) -> HashMap<DeliveryId, OffsetDateTime> {
    let deliveries = scene.subject.deliveries(&scene.tenant).await.into_iter();
    let scheduled = deliveries.filter(|delivery| delivery.state == DeliveryState::Scheduled);
    scheduled.map(|delivery| (delivery.id, delivery.next_attempt_at.unwrap())).collect()
}

/// All that the endpoint that hangs is owed comes first, in as many messages as the queue holds.
#[tokio::test]
async fn an_endpoint_that_hangs_does_not_delay_another() {
    const CAP: u32 = 16;
    let scene = Scene::start().await;
    let hanging = Receiver::start(Behaviour::hanging()).await;
    let healthy = Receiver::start(Behaviour::ok()).await;
    for (receiver, name) in [(&hanging, "hanging"), (&healthy, "healthy")] {
        let change = |new: &mut NewEndpoint| {
            patient(new);
            new.events = wants(&[name]);
        };
        scene.hook(receiver, change).await;
    }
    let of_type = |name| NewEvent { event_type: event_type(name), ..event(&scene.tenant) };
    let stuck: Vec<_> = (0..200).map(|_| of_type("hanging")).collect();
    for item in scene.accept_these(&stuck).await {
        scene.publish(Queue::First, &[item]).await;
    }
    let dispatcher = scene.dispatch_with(Options::without_grace().limits(64, CAP)).await;
    until("it hangs", async || hanging.ledger(Ledger::open) == CAP as usize).await;

    let quick: Vec<_> = (0..100).map(|_| of_type("healthy")).collect();
    let items = scene.accept_these(&quick).await;
    scene.publish(Queue::First, &items).await;

    until("the others are delivered", async || healthy.ledger(Ledger::delivered) == 100).await;
    assert_eq!(hanging.ledger(Ledger::len), CAP as usize, "it hung all the while");
    assert_eq!(healthy.ledger(Ledger::len), 100);
    dispatcher.stop().await;
    scene.close().await;
}

/// However many deliveries to it are due, and whoever tries.
#[tokio::test]
async fn a_backlog_drains_within_the_cap_of_its_endpoint() {
    const CAP: u32 = 4;
    let scene = Scene::start().await;
    let receiver = Receiver::start(Behaviour::ok()).await;
    scene.endpoint(&receiver.url(), SECRET, |_| {}).await;
    receiver.trust(SECRET);
    scene.subject.schedule(&scene.tenant, 60).await;

    let options = Options::default().limits(100, CAP);
    let dispatchers = [scene.dispatch_with(options).await, scene.dispatch_with(options).await];
    until("all are delivered", async || receiver.ledger(Ledger::delivered) == 60).await;

    receiver.ledger(|ledger| {
        assert_eq!(ledger.len(), 60);
        assert!(ledger.most_open() <= CAP as usize, "{} at a time", ledger.most_open());
    });
    let [one, other] = dispatchers;
    tokio::join!(one.stop(), other.stop());
    scene.close().await;
}

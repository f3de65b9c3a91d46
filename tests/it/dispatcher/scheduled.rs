//! Deliveries that wait for the time that their event named, and such as were cancelled.

use super::harness::{SLACK, Scene};
use postrider_broker::Queue;
use postrider_common::delivery::{DeadReason, DeliveryState};
use postrider_common::id::DeliveryId;
use postrider_store::conformance::fixtures;
use postrider_store::{Cancelled, NewEvent};
use postrider_testkit::{Behaviour, Ledger, Receiver};
use std::time::Duration;
use time::OffsetDateTime;

impl Scene {
    /// Accepts an event for a time, and gives its one delivery.
    async fn accept_for(&self, deliver_at: OffsetDateTime) -> DeliveryId {
        let event = NewEvent { deliver_at: Some(deliver_at), ..fixtures::event(&self.tenant) };
        let id = event.id;
        assert_eq!(self.accept_these(&[event]).await, [], "nothing wants a message");
        let deliveries = self.subject.deliveries(&self.tenant).await;
        deliveries.iter().find(|delivery| delivery.event == id).unwrap().id
    }
}

#[tokio::test]
async fn a_scheduled_delivery_goes_out_at_its_time() {
    let scene = Scene::start().await;
    let receiver = Receiver::start(Behaviour::ok()).await;
    scene.hook(&receiver, |_| {}).await;
    let dispatcher = scene.dispatch().await;
    let hour = Duration::from_hours(1);
    let later = scene.accept_for(scene.now().await + hour).await;
    let at_once = scene.accept_for(scene.now().await).await;

    scene.until_state(at_once, DeliveryState::Delivered).await;
    assert_eq!(scene.delivery(later).await.state, DeliveryState::Scheduled);
    assert_eq!(receiver.ledger(Ledger::len), 1);
    scene.subject.age(hour.as_secs()).await;
    let delivered = scene.until_state(later, DeliveryState::Delivered).await;
    assert_eq!(delivered.attempts, 1);
    dispatcher.stop().await;
    scene.close().await;
}

/// In real time, on the database's clock.
#[tokio::test]
async fn it_is_never_early() {
    let scene = Scene::start().await;
    let receiver = Receiver::start(Behaviour::ok()).await;
    scene.hook(&receiver, |_| {}).await;
    let dispatcher = scene.dispatch().await;
    let deliver_at = scene.now().await + Duration::from_millis(1200);
    let id = scene.accept_for(deliver_at).await;

    scene.until_state(id, DeliveryState::Delivered).await;
    let started = scene.attempts(id).await[0].record.started_at;
    // The store keeps microseconds, or milliseconds.
    let deliver_at = deliver_at - Duration::from_millis(1);
    assert!((deliver_at..deliver_at + SLACK).contains(&started), "{started} is not {deliver_at}");
    dispatcher.stop().await;
    scene.close().await;
}

/// Its message is on its way already.
#[tokio::test]
async fn a_message_of_what_was_cancelled_sends_nothing() {
    let scene = Scene::start().await;
    let receiver = Receiver::start(Behaviour::ok()).await;
    scene.hook(&receiver, |_| {}).await;
    let items = scene.accept(2).await;
    let cancelled = items[0].delivery;
    let answer = scene.store.delivery_cancel(&scene.tenant, cancelled).await.unwrap();
    assert_eq!(answer, Cancelled::Cancelled);
    scene.publish(Queue::First, &items).await;
    let dispatcher = scene.dispatch().await;

    scene.until_state(items[1].delivery, DeliveryState::Delivered).await;
    scene.until_queues_are_empty().await;
    let dead = scene.delivery(cancelled).await;
    assert_eq!((dead.dead_reason, dead.attempts), (Some(DeadReason::Cancelled), 0));
    assert_eq!(receiver.ledger(Ledger::len), 1);
    dispatcher.stop().await;
    scene.close().await;
}

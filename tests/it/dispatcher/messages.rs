//! Messages that come twice, late, in another order, or name what there is nothing to do about.

use super::harness::{SECRET, Scene, until};
use postrider_broker::{Queue, WorkItem, WorkMessage};
use postrider_common::attempt::FailureKind;
use postrider_common::delivery::{DeadReason, DeliveryState};
use postrider_common::id::{DeliveryId, EventId};
use postrider_dispatcher::workers::Reaper;
use postrider_testkit::{Behaviour, Ledger, Receiver};
use std::sync::Arc;

/// Waits until so many deliveries are delivered and every message is done with, however late it
/// came; then stops the dispatcher.
macro_rules! drain {
    ($scene:expr, $dispatcher:expr, $delivered:expr) => {
        let delivered = async || $scene.count(DeliveryState::Delivered).await == $delivered;
        until("all are delivered", delivered).await;
        $scene.until_queues_are_empty().await;
        $dispatcher.stop().await;
        // What was not acked would be back.
        $scene.until_queues_are_empty().await;
    };
}

#[tokio::test]
async fn however_often_and_wherever_a_delivery_is_named_it_is_sent_once() {
    let scene = Scene::start().await;
    let receiver = Receiver::start(Behaviour::ok()).await;
    scene.hook(&receiver, |_| {}).await;
    let items = scene.accept(20).await;
    let backwards: Vec<_> = items.iter().rev().cloned().collect();
    let doubled = [&items[..], &items[..]].concat();
    scene.publish(Queue::First, &backwards).await;
    scene.publish(Queue::Retry, &items).await;
    scene.publish(Queue::First, &doubled).await;
    for item in &items {
        scene.publish(Queue::First, std::slice::from_ref(item)).await;
    }

    let dispatcher = scene.dispatch().await;

    drain!(scene, dispatcher, items.len());
    assert_eq!(receiver.ledger(Ledger::len), items.len());
    scene.close().await;
}

#[tokio::test]
async fn messages_that_come_when_all_is_done_send_nothing() {
    let scene = Scene::start().await;
    let receiver = Receiver::start(Behaviour::ok()).await;
    scene.hook(&receiver, |_| {}).await;
    let dispatcher = scene.dispatch().await;
    let items = scene.send(3).await;
    until("all are delivered", async || scene.count(DeliveryState::Delivered).await == 3).await;

    scene.subject.age(3600).await;
    scene.publish(Queue::First, &items).await;
    scene.publish(Queue::Retry, &items).await;
    let fence = scene.send(1).await;

    scene.until_state(fence[0].delivery, DeliveryState::Delivered).await;
    drain!(scene, dispatcher, 4);
    assert_eq!(receiver.ledger(Ledger::len), 4);
    scene.close().await;
}

#[tokio::test]
async fn a_delivery_that_does_not_exist_does_not_touch_its_neighbours() {
    let scene = Scene::start().await;
    let receiver = Receiver::start(Behaviour::ok()).await;
    scene.hook(&receiver, |_| {}).await;
    let items = scene.accept(2).await;
    let unknown = || {
        let delivery = DeliveryId::generate_for(EventId::generate());
        WorkItem { delivery, ..items[0].clone() }
    };
    scene.publish(Queue::First, &[unknown()]).await;
    let among = [unknown(), items[0].clone(), unknown(), items[1].clone(), unknown()];
    scene.publish(Queue::First, &among).await;

    let dispatcher = scene.dispatch().await;

    drain!(scene, dispatcher, 2);
    assert_eq!(receiver.ledger(Ledger::len), 2);
    scene.close().await;
}

#[tokio::test]
async fn what_an_endpoint_that_is_off_or_gone_is_owed_is_not_sent() {
    let scene = Scene::start().await;
    let receiver = Receiver::start(Behaviour::ok()).await;
    let deleted = scene.endpoint(&receiver.url(), SECRET, |_| {}).await;
    let paused = scene.endpoint(&receiver.url(), SECRET, |_| {}).await;
    let items = scene.accept(1).await;
    scene.subject.delete(&scene.tenant, &deleted).await;
    scene.subject.switch(&scene.tenant, &paused, false).await;

    scene.publish(Queue::First, &items).await;
    let dispatcher = scene.dispatch().await;

    let to = |id| items.iter().find(|item| item.endpoint == id).unwrap().delivery;
    let dead = scene.until_state(to(deleted.id), DeliveryState::Dead).await;
    assert_eq!(dead.dead_reason, Some(DeadReason::EndpointDeleted));
    let held = scene.until_state(to(paused.id), DeliveryState::Held).await;
    assert_eq!((dead.attempts, held.attempts), (0, 0));
    drain!(scene, dispatcher, 0);
    assert_eq!(receiver.ledger(Ledger::len), 0);
    scene.close().await;
}

/// As a dispatcher leaves things that dies between its claim and its ack.
#[tokio::test]
async fn a_message_that_comes_again_after_the_claim_claims_nothing() {
    let scene = Scene::start().await;
    let receiver = Receiver::start(Behaviour::ok()).await;
    scene.hook(&receiver, |_| {}).await;
    let items = scene.send(1).await;
    let id = items[0].delivery;
    let mut dying = scene.broker.consume(Queue::First, 1).await;
    let unacked = dying.next().await;
    assert_eq!(unacked.message(), &WorkMessage::split(items).next().unwrap());
    scene.subject.claim_one(id).await;
    drop((dying, unacked));

    let dispatcher = scene.dispatch().await;

    let fence = scene.send(1).await[0].delivery;
    scene.until_state(fence, DeliveryState::Delivered).await;
    scene.until_queues_are_empty().await;
    assert_eq!(scene.delivery(id).await.state, DeliveryState::InFlight, "the dead one's lease");
    assert_eq!(receiver.ledger(Ledger::len), 1);

    let mut reaper = Reaper::new(Arc::clone(&scene.store));
    assert_eq!(reaper.run_once().await.unwrap(), 0, "the lease has not ended");
    scene.subject.age(3600).await;
    drain!(scene, dispatcher, 2);
    assert_eq!(scene.failures(id).await, [Some(FailureKind::Lost), None]);
    assert_eq!(receiver.ledger(Ledger::len), 2);
    scene.close().await;
}

//! What receivers answer, or fail to, and what becomes of the delivery.

use super::harness::{SECRET, SLACK, Scene, nowhere, schedule, until};
use super::raw::Raw;
use postrider_broker::{Queue, WorkItem};
use postrider_common::attempt::FailureKind;
use postrider_common::delivery::{DeadReason, DeliveryState};
use postrider_common::endpoint::{DisableReason, Endpoint};
use postrider_common::id::DeliveryId;
use postrider_store::NewEndpoint;
use postrider_store::conformance::fixtures;
use postrider_testkit::{Answer, Behaviour, Ledger, Receiver};
use std::time::Duration;

/// Before the one retry; nothing is tried again while a test runs.
const LATER: u32 = 3600;

/// The delivery to this endpoint.
fn to(items: &[WorkItem], endpoint: &Endpoint) -> DeliveryId {
    items.iter().find(|item| item.endpoint == endpoint.id).unwrap().delivery
}

/// Waits for the first attempt, and checks that there will be another when the schedule says.
async fn assert_tried_again(scene: &Scene, id: DeliveryId, kind: FailureKind, status: Option<u16>) {
    let delivery = scene.until_attempted(id, 1).await;
    assert_eq!(delivery.state, DeliveryState::Scheduled, "{kind:?} {status:?}");
    assert_eq!((delivery.last_failure, delivery.last_status), (Some(kind), status));
    let record = &scene.attempts(id).await[0].record;
    assert_eq!(record.failure, Some(kind));
    assert_eq!(record.response.as_ref().map(|response| response.status), status);
    let waits = delivery.next_attempt_at.unwrap() - super::harness::end_of(record);
    let later = time::Duration::seconds(LATER.into());
    assert!((later..=later * 1.15 + SLACK).contains(&waits), "{waits} after {kind:?}");
}

#[tokio::test]
async fn any_2xx_is_a_success_and_any_other_answer_is_tried_again() {
    let scene = Scene::start().await;
    let mut receivers = Vec::new();
    for status in [200, 201, 204, 299, 300, 302, 307, 400, 401, 404, 429, 500, 503, 599] {
        let receiver = Receiver::start(Behaviour::always(Answer::Status(status))).await;
        let endpoint = scene.hook(&receiver, schedule(&[LATER])).await;
        receivers.push((status, receiver, endpoint));
    }
    let dispatcher = scene.dispatch().await;

    let items = scene.send(1).await;

    for (status, receiver, endpoint) in &receivers {
        let id = to(&items, endpoint);
        if (200..300).contains(status) {
            let delivery = scene.until_state(id, DeliveryState::Delivered).await;
            assert_eq!((delivery.last_status, delivery.last_failure), (Some(*status), None));
        } else {
            assert_tried_again(&scene, id, FailureKind::Status, Some(*status)).await;
        }
        assert_eq!(receiver.ledger(Ledger::len), 1, "{status}");
        assert_eq!(receiver.ledger(Ledger::refused), 0, "{status}");
    }
    dispatcher.stop().await;
    scene.close().await;
}

#[tokio::test]
async fn what_keeps_an_answer_from_coming_is_told_apart() {
    let scene = Scene::start().await;
    let closing = Receiver::start(Behaviour::always(Answer::Close)).await;
    let hanging = Receiver::start(Behaviour::hanging()).await;
    let babbling = Raw::answering("this is no HTTP\r\n\r\n").await;
    let plain = Raw::answering("nor is it TLS").await;
    let urls = [
        (FailureKind::Closed, closing.url()),
        (FailureKind::Connect, nowhere().await),
        (FailureKind::Timeout, hanging.url()),
        (FailureKind::Protocol, babbling.url()),
        (FailureKind::Tls, plain.url().replace("http://", "https://")),
        (FailureKind::Address, "http://10.0.0.1/hook".to_owned()),
    ];
    let mut endpoints = Vec::new();
    for (kind, url) in urls {
        let change = |new: &mut NewEndpoint| {
            schedule(&[LATER])(new);
            new.timeout = Some(Duration::from_secs(1));
        };
        endpoints.push((kind, scene.endpoint(&url, SECRET, change).await));
    }
    let dispatcher = scene.dispatch().await;

    let items = scene.send(1).await;

    for (kind, endpoint) in &endpoints {
        assert_tried_again(&scene, to(&items, endpoint), *kind, None).await;
    }
    let timed_out = &scene.attempts(to(&items, &endpoints[2].1)).await[0].record;
    assert!(timed_out.duration >= Duration::from_secs(1), "{timed_out:?}");
    dispatcher.stop().await;
    scene.close().await;
}

/// Deliveries that wait in each of the ways in which they can.
#[tokio::test]
async fn after_410_the_endpoint_is_off_and_what_it_is_owed_is_held() {
    let scene = Scene::start().await;
    let receiver = Receiver::start(Behaviour::at_first([Answer::Status(410)])).await;
    let endpoint = scene.hook(&receiver, |_| {}).await;
    let queued = scene.accept(2).await;
    let scheduled = scene.subject.schedule(&scene.tenant, 1).await[0];
    // Not due as long as the endpoint is on.
    scene.subject.hooks.postpone(scheduled, Duration::from_hours(24)).await.unwrap();
    let dispatcher = scene.dispatch().await;

    scene.publish(Queue::First, &queued[..1]).await;
    let gone = scene.until_state(queued[0].delivery, DeliveryState::Dead).await;
    assert_eq!(gone.dead_reason, Some(DeadReason::Gone));
    assert_eq!((gone.last_status, gone.last_failure), (Some(410), Some(FailureKind::Status)));
    let named = fixtures::named(&endpoint);
    let off = scene.store.endpoint_get(&scene.tenant, &named).await.unwrap().unwrap();
    assert_eq!(off.disabled.map(|disabled| disabled.reason), Some(DisableReason::Gone));

    scene.publish(Queue::First, &queued[1..]).await;
    assert_eq!(scene.accept(1).await, [], "nothing is queued for it any more");
    until("all are held", async || scene.count(DeliveryState::Held).await == 3).await;
    assert_eq!(receiver.ledger(Ledger::len), 1);

    scene.subject.switch(&scene.tenant, &endpoint, true).await;
    scene.subject.age(2 * 24 * 3600).await;
    until("all is sent", async || scene.count(DeliveryState::Delivered).await == 3).await;
    assert_eq!(receiver.ledger(Ledger::len), 4);
    dispatcher.stop().await;
    scene.close().await;
}

/// One delivery that nobody took is enough, whatever becomes of others.
#[tokio::test]
async fn after_its_last_attempt_the_endpoint_is_off_where_the_contract_says_so() {
    for (contract, reason) in [("cathcr", Some(DisableReason::Exhausted)), ("platform", None)] {
        let scene = Scene::start_with(contract).await;
        let receiver = Receiver::start(Behaviour::always(Answer::Status(500))).await;
        let endpoint = scene.hook(&receiver, schedule(&[0])).await;
        let dispatcher = scene.dispatch().await;

        let item = scene.send(1).await.remove(0);
        let dead = scene.until_state(item.delivery, DeliveryState::Dead).await;
        assert_eq!((dead.dead_reason, dead.attempts), (Some(DeadReason::Exhausted), 2));
        let named = fixtures::named(&endpoint);
        let found = scene.store.endpoint_get(&scene.tenant, &named).await.unwrap().unwrap();
        assert_eq!(found.disabled.map(|disabled| disabled.reason), reason, "{contract}");
        dispatcher.stop().await;
        scene.close().await;
    }
}

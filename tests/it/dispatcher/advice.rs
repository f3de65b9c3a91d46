//! What receivers say beside their status: how long to wait, and what they want no more of.

use super::harness::{SECRET, SLACK, Scene, end_of, schedule, until};
use super::raw::Raw;
use postrider_broker::Queue;
use postrider_common::delivery::{DeadReason, Delivery, DeliveryState};
use postrider_common::endpoint::{DisableReason, Endpoint};
use postrider_common::id::DeliveryId;
use postrider_store::conformance::fixtures::named;
use std::time::{Duration, SystemTime};

/// What the schedule says, in seconds; nothing is tried again while a test runs.
const LATER: u32 = 3600;

/// An answer with one more header field.
fn answer(status: u16, name: &str, value: &str) -> String {
    format!("HTTP/1.1 {status} Said\r\n{name}: {value}\r\ncontent-length: 0\r\n\r\n")
}

/// A receiver that always answers so, and its endpoint.
async fn saying(scene: &Scene, answer: String) -> (Raw, Endpoint) {
    let receiver = Raw::answering(answer).await;
    let endpoint = scene.endpoint(&receiver.url(), SECRET, schedule(&[LATER])).await;
    (receiver, endpoint)
}

async fn why_off(scene: &Scene, endpoint: &Endpoint) -> Option<DisableReason> {
    let found = scene.store.endpoint_get(&scene.tenant, &named(endpoint)).await.unwrap().unwrap();
    found.disabled.map(|disabled| disabled.reason)
}

/// How long a delivery waits, counted from the end of its one attempt.
async fn wait_of(scene: &Scene, id: DeliveryId) -> time::Duration {
    let delivery = scene.until_attempted(id, 1).await;
    assert_eq!(delivery.state, DeliveryState::Scheduled);
    delivery.next_attempt_at.unwrap() - end_of(&scene.attempts(id).await[0].record)
}

#[tokio::test]
async fn a_wait_that_is_asked_for_is_kept_within_the_schedule_and_a_day() {
    let scene = Scene::start().await;
    let in_two_hours = SystemTime::from(scene.now().await + Duration::from_hours(2));
    let in_two_hours = httpdate::fmt_http_date(in_two_hours);
    let planned = i64::from(LATER);
    let cases = [
        (429, "7200", 7200),
        (503, "7200", 7200),
        (429, "0", planned),
        (429, "60", planned),
        (503, "-1", planned),
        (429, "soon", planned),
        (429, "1000000000", 86_400),
        (503, "99999999999999999999", 86_400),
        (429, "Sun, 06 Nov 1994 08:49:37 GMT", planned),
        (429, "Thu, 31 Dec 2099 23:59:59 GMT", 86_400),
        (503, in_two_hours.as_str(), 7200),
        (500, "7200", planned),
        (404, "7200", planned),
    ];
    let mut receivers = Vec::new();
    for (status, value, seconds) in cases {
        let (receiver, endpoint) = saying(&scene, answer(status, "Retry-After", value)).await;
        receivers.push((status, value, seconds, receiver, endpoint));
    }
    let dispatcher = scene.dispatch().await;

    let items = scene.send(1).await;

    for (status, value, seconds, _, endpoint) in &receivers {
        let item = items.iter().find(|item| item.endpoint == endpoint.id).unwrap();
        let waits = wait_of(&scene, item.delivery).await;
        let asked = time::Duration::seconds(*seconds);
        // A date that was written before the request is nearer by then.
        let earliest =
            if value.contains("GMT") && *seconds == 7200 { asked - SLACK } else { asked };
        let latest = if *seconds == planned { asked * 1.15 } else { asked } + SLACK;
        assert!((earliest..=latest).contains(&waits), "{waits} after {status} {value}");
    }
    dispatcher.stop().await;
    scene.close().await;
}

#[tokio::test]
async fn no_wait_makes_an_attempt_more() {
    let scene = Scene::start().await;
    let receiver = Raw::answering(answer(429, "Retry-After", "1")).await;
    scene.endpoint(&receiver.url(), SECRET, schedule(&[])).await;
    let dispatcher = scene.dispatch().await;
    scene.send_one_with_a_single_attempt().await;
    dispatcher.stop().await;
    scene.close().await;
}

/// Sends one delivery and has another one ready.
async fn after_one(scene: &Scene, answer: String) -> (Raw, Endpoint, Delivery, DeliveryId) {
    let (receiver, endpoint) = saying(scene, answer).await;
    let items = scene.accept(2).await;
    scene.publish(Queue::First, &items[..1]).await;
    let id = items[0].delivery;
    until("it is finished", async || scene.delivery(id).await.state.is_terminal()).await;
    let ended = scene.delivery(id).await;
    scene.publish(Queue::First, &items[1..]).await;
    (receiver, endpoint, ended, items[1].delivery)
}

#[tokio::test]
async fn a_receiver_that_wants_no_more_gets_no_more() {
    for (status, ended) in [
        (500, (DeliveryState::Dead, Some(DeadReason::Aborted))),
        (301, (DeliveryState::Dead, Some(DeadReason::Aborted))),
        (200, (DeliveryState::Delivered, None)),
    ] {
        let scene = Scene::start().await;
        let dispatcher = scene.dispatch().await;
        let disable = answer(status, "webhook-delivery", "disable");
        let (receiver, endpoint, first, second) = after_one(&scene, disable).await;
        assert_eq!((first.state, first.dead_reason), ended, "{status}");
        assert_eq!(why_off(&scene, &endpoint).await, Some(DisableReason::Receiver));
        scene.until_state(second, DeliveryState::Held).await;
        assert_eq!(receiver.count(), 1, "{status}");
        dispatcher.stop().await;
        scene.close().await;
    }
}

#[tokio::test]
async fn a_message_that_is_aborted_is_not_sent_again() {
    for (status, ended) in [
        (503, (DeliveryState::Dead, Some(DeadReason::Aborted))),
        (204, (DeliveryState::Delivered, None)),
    ] {
        let scene = Scene::start().await;
        let dispatcher = scene.dispatch().await;
        let abort = answer(status, "Webhook-Delivery", "abort-message");
        let (receiver, endpoint, first, second) = after_one(&scene, abort).await;
        assert_eq!((first.state, first.dead_reason, first.attempts), (ended.0, ended.1, 1));
        assert_eq!(why_off(&scene, &endpoint).await, None, "it wants other messages");
        scene.until_state(second, ended.0).await;
        assert_eq!(receiver.count(), 2, "{status}");
        dispatcher.stop().await;
        scene.close().await;
    }
}

#[tokio::test]
async fn a_test_heeds_no_word() {
    let scene = Scene::start().await;
    let dispatcher = scene.dispatch().await;
    let (receiver, endpoint) = saying(&scene, answer(500, "webhook-delivery", "disable")).await;
    let items = scene.accept(1).await;
    scene.subject.hooks.make_test(items[0].delivery).await.unwrap();
    scene.publish(Queue::First, &items).await;
    let dead = scene.until_state(items[0].delivery, DeliveryState::Dead).await;
    assert_eq!((dead.attempts, dead.dead_reason), (1, Some(DeadReason::Exhausted)));
    assert_eq!(why_off(&scene, &endpoint).await, None);
    assert_eq!(receiver.count(), 1);
    dispatcher.stop().await;
    scene.close().await;
}

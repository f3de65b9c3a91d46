//! Events and deliveries: after what happened to them, the numbers say exactly that.

use super::exposition::Exposition;
use super::scene::{Scene, event};
use postrider_testkit::{Answer, Behaviour, Receiver};

/// A sample's name, its labels and its value.
pub(super) type Expected<'a> = (&'a str, &'a [(&'a str, &'a str)], f64);

/// Fails unless each of these has just this value.
#[track_caller]
pub(super) fn assert_shown(shown: &Exposition, expected: &[Expected<'_>]) {
    for (name, labels, value) in expected {
        let is = shown.value(name, labels);
        assert!((is - value).abs() < f64::EPSILON, "{name} {labels:?} is {is}, not {value}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_of_events_is_counted() {
    let scene = Scene::start().await;
    let receiver = Receiver::start(Behaviour::ok()).await;
    scene.hook(&receiver, "order.paid", &[0]).await;
    scene.hook(&receiver, "order.paid", &[0]).await;
    for key in ["one", "two", "three"] {
        scene.publish(event("order.paid", key)).await;
    }
    scene.publish(event("nobody.cares", "four")).await;
    scene.publish(event("order.paid", "two")).await;
    let other = event("nobody.cares", "two");
    scene.client().publish_event(scene.request(other)).await.unwrap_err();
    let bad = event("not a type", "five");
    scene.client().publish_event(scene.request(bad)).await.unwrap_err();
    scene.finished(6).await;

    let shown = scene.stop().await;
    let refused = "postrider_events_refused_total";
    assert_shown(
        &shown,
        &[
            ("postrider_events_accepted_total", &[], 4.0),
            ("postrider_events_duplicate_total", &[], 1.0),
            ("postrider_deliveries_accepted_total", &[], 6.0),
            (refused, &[("reason", "IDEMPOTENCY_CONFLICT")], 1.0),
            (refused, &[("reason", "INVALID_ARGUMENT")], 1.0),
            ("postrider_batch_items_sum", &[("batch", "accept")], 6.0),
            ("postrider_batch_items_sum", &[("batch", "settle")], 6.0),
            ("postrider_broker_gate_open", &[], 1.0),
        ],
    );
    assert!((shown.sum(refused) - 2.0).abs() < f64::EPSILON, "no other reason");
    let batches = |family: &str| shown.value(family, &[("batch", "accept")]);
    let sizes = batches("postrider_batch_items_count");
    assert!(sizes >= 1.0);
    let durations = batches("postrider_batch_duration_seconds_count");
    assert!((sizes - durations).abs() < f64::EPSILON, "each batch has both");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_of_deliveries_is_counted() {
    let scene = Scene::start().await;
    let good = Receiver::start(Behaviour::ok()).await;
    let flaky = Receiver::start(Behaviour::per_delivery([Answer::Status(503)])).await;
    let closing = Receiver::start(Behaviour::always(Answer::Close)).await;
    let gone = Receiver::start(Behaviour::always(Answer::Status(410))).await;
    scene.hook(&good, "good", &[0]).await;
    scene.hook(&flaky, "flaky", &[0]).await;
    scene.hook(&closing, "closing", &[0]).await;
    scene.hook(&gone, "gone", &[0]).await;
    for name in ["good", "flaky", "closing", "gone"] {
        scene.publish(event(name, name)).await;
    }
    scene.finished(4).await;

    let shown = scene.stop().await;
    let (attempts, claims) = ("postrider_attempts_total", "postrider_claims_total");
    let receipts = "postrider_publish_to_receipt_seconds_count";
    let durations = "postrider_attempt_duration_seconds_count";
    assert_shown(
        &shown,
        &[
            ("postrider_deliveries_delivered_total", &[], 2.0),
            ("postrider_deliveries_retry_scheduled_total", &[], 2.0),
            ("postrider_deliveries_dead_total", &[("reason", "exhausted")], 1.0),
            ("postrider_deliveries_dead_total", &[("reason", "gone")], 1.0),
            (attempts, &[("result", "success"), ("status", "2xx")], 2.0),
            (attempts, &[("result", "status"), ("status", "5xx")], 1.0),
            (attempts, &[("result", "status"), ("status", "4xx")], 1.0),
            (attempts, &[("result", "closed"), ("status", "none")], 2.0),
            (receipts, &[("attempt", "first")], 1.0),
            (receipts, &[("attempt", "later")], 1.0),
            (durations, &[("result", "success")], 2.0),
            (durations, &[("result", "failure")], 4.0),
            (claims, &[("result", "claimed")], 6.0),
            (claims, &[("result", "unknown")], 0.0),
            ("postrider_deliveries_fed_total", &[], 2.0),
            ("postrider_deliveries_in_flight", &[], 0.0),
            ("postrider_deliveries_in_flight_limit", &[], 77.0),
            ("postrider_leases_reaped_total", &[], 0.0),
            ("postrider_deliveries_found_lost_total", &[], 0.0),
        ],
    );
    assert!((shown.sum(attempts) - 6.0).abs() < f64::EPSILON, "no other result");
    let published = |queue| {
        let labels = [("queue", queue), ("result", "confirmed")];
        shown.value("postrider_broker_messages_published_total", &labels)
    };
    // Events that come together share a message, and so do retries.
    assert!((1.0..=4.0).contains(&published("first")), "{}", published("first"));
    assert!((1.0..=2.0).contains(&published("retry")), "{}", published("retry"));
    let all = shown.sum("postrider_broker_messages_published_total");
    assert!((all - published("first") - published("retry")).abs() < f64::EPSILON, "none failed");
}

/// A receiver that takes its time is what a publish has to wait for, so that a delivery in flight is
/// there to be seen and its way takes at least as long.
#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_in_flight_is_seen_and_its_way_is_measured() {
    let scene = Scene::start().await;
    let wait = std::time::Duration::from_millis(700);
    let slow = Receiver::start(Behaviour::always(Answer::Later(wait, 200))).await;
    scene.hook(&slow, "slow", &[0]).await;
    scene.publish(event("slow", "slow")).await;
    let in_flight = "postrider_deliveries_in_flight";
    scene.scrape_until(|shown| shown.value(in_flight, &[]) > 0.5).await;
    scene.finished(1).await;
    let shown = scene.stop().await;
    assert_shown(&shown, &[(in_flight, &[], 0.0)]);
    let took = shown.value("postrider_attempt_duration_seconds_sum", &[("result", "success")]);
    let receipt = shown.value("postrider_publish_to_receipt_seconds_sum", &[("attempt", "first")]);
    assert!(took >= 0.7 && receipt >= took - 0.001, "{took} {receipt}");
}

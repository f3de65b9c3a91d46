//! Deliveries: found by what they belong to, told attempt by attempt, and sent again.

use super::program::{Served, User, field, words};
use crate::api::harness::{Tenant, answered, event, named};
use axum::http::StatusCode;
use postrider_common::attempt::FailureKind;
use postrider_common::delivery::{DeadReason, Progress, Transition};
use serde_json::json;
use std::time::Duration;

/// A tenant with a webhook, an event `order-1` and its delivery.
struct Case {
    served: Served,
    tenant: Tenant,
    user: User,
    webhook: String,
    delivery: String,
}

impl Case {
    async fn start() -> Self {
        let served = Served::start().await;
        let tenant = served.harness.tenant("acme").await;
        let api = served.harness.with(&tenant.key);
        let webhook = served.webhook(&tenant.key).await;
        let order = named(event(&tenant, "order.paid", "{}"), "order-1");
        served.harness.publish(order).await;
        let deliveries = api.get("/deliveries").await.of(StatusCode::OK);
        let delivery = deliveries["data"][0]["id"].as_str().unwrap().to_owned();
        let user = served.user(&tenant.key);
        Self { served, tenant, user, webhook, delivery }
    }

    /// Has the delivery die after a receiver's answer.
    async fn die(&self, body: &'static [u8]) {
        let dead = Transition::Dead { reason: DeadReason::Exhausted, disable: None };
        let failure = Some(FailureKind::Status);
        let response = Some(answered(500, body));
        self.served.harness.attempt(&self.delivery, dead, failure, response).await;
    }
}

#[tokio::test]
async fn deliveries_are_found_by_webhook_event_and_state() {
    let case = Case::start().await;
    case.die(b"").await;
    case.served.harness.publish(event(&case.tenant, "order.sent", "{}")).await;
    let found: [(&[&str], usize); 6] = [
        (&[], 2),
        (&["--status", "dead"], 1),
        (&["--status", "queued"], 1),
        (&["--event", "order-1"], 1),
        (&["--webhook", &case.webhook], 2),
        (&["--event", "order-1", "--webhook", &case.webhook, "--status", "held"], 0),
    ];
    let list = ["deliveries", "list", "--json"];
    for (filters, count) in found {
        let listed = case.user.run(&[&list, filters].concat()).await.json();
        assert_eq!(listed["data"].as_array().unwrap().len(), count, "{filters:?}");
    }
    let dead = case.user.run(&["deliveries", "list", "--status", "dead"]).await.ok();
    let dead = &words(&dead)[1][..7];
    let expected = [&case.delivery, "dead", "(exhausted)", "order.paid", &case.webhook, "1", "500"];
    assert_eq!(dead, expected);
    let wrong = case.user.run(&["deliveries", "list", "--status", "lost"]).await.failed(2);
    assert!(wrong.contains("queued, scheduled, held"), "{wrong}");
}

#[tokio::test]
async fn a_delivery_is_told_attempt_by_attempt_and_drives_no_terminal() {
    let case = Case::start().await;
    let later = Transition::Retry { delay: Duration::ZERO, progress: Progress { failures: 1 } };
    case.served.harness.attempt(&case.delivery, later, Some(FailureKind::Timeout), None).await;
    let due = case.user.run(&["deliveries", "show", &case.delivery]).await.ok();
    assert_eq!(field(&due, "status"), "scheduled");
    assert!(!field(&due, "next attempt").is_empty());
    assert!(due.contains("attempt 1 (round 1)") && due.contains("125 ms  timeout"), "{due}");
    assert!(due.contains("POST https://hooks.example.com/in?token=1"), "{due}");
    let attempts = ["deliveries", "attempts", &case.delivery];
    assert_eq!(words(&case.user.run(&attempts).await.ok())[1].last(), Some(&"timeout"));

    let other = Case::start().await;
    other.die(b"\x1b]0;owned\x07\n\xc2\x9b2J \xe2\x80\xaetxt.exe").await;
    for verb in ["show", "attempts"] {
        let shown = other.user.run(&["deliveries", verb, &other.delivery]).await.ok();
        assert!(shown.contains(r"\u{1b}]0;owned\u{7}\n\u{9b}2J \u{202e}txt.exe"), "{shown}");
        let obeyed = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
        assert!(!shown.contains(obeyed), "{shown:?}");
    }
    let json = other.user.run(&["deliveries", "attempts", &other.delivery, "--json"]).await;
    let api = other.served.harness.with(&other.tenant.key);
    let path = format!("/deliveries/{}/attempts", other.delivery);
    let control = |c: char| c.is_control() && c != '\n';
    assert!(!json.out.contains(control), "{json:?}");
    assert_eq!(json.json(), api.get(&path).await.of(StatusCode::OK));
}

#[tokio::test]
async fn deliveries_are_replayed_and_each_is_reported() {
    let case = Case::start().await;
    let unfinished = case.user.run(&["replay", &case.delivery]).await.failed(1);
    assert!(unfinished.contains("the delivery is not finished; it is queued"), "{unfinished}");
    case.die(b"").await;

    let unknown = "msg_0193f7a4-6f3e-7c55-9c52-0a1b2c3d4e5f";
    let replayed = case.user.run(&["replay", unknown, &case.delivery]).await;
    assert_eq!(replayed.code, 1, "{replayed:?}");
    assert!(replayed.out.starts_with(&case.delivery), "{replayed:?}");
    assert!(replayed.out.contains("scheduled, round 2"), "{replayed:?}");
    let unknown = format!("{unknown}: Not found: there is no such delivery\n");
    assert!(replayed.err.starts_with(&unknown), "{replayed:?}");
    assert!(replayed.err.ends_with("error: 1 of 2 failed\n"), "{replayed:?}");
}

#[tokio::test]
async fn a_delivery_is_replayed_as_a_new_one() {
    let case = Case::start().await;
    case.die(b"").await;
    let new = case.user.run(&["replay", &case.delivery, "--as-new", "--json"]).await.json();
    assert_ne!(new["id"], case.delivery.as_str());
    assert_eq!((&new["event_id"], &new["round"]), (&json!("order-1"), &json!(1)));
    let listed = case.user.run(&["deliveries", "list", "--json"]).await.json();
    assert_eq!(listed["data"].as_array().unwrap().len(), 2);
}

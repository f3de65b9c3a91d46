//! Cancelling: one delivery, or all of an event's, as long as they are not sent.

use super::harness::{Client, Harness, Tenant, answered, column, event, named, rows};
use axum::http::{Method, StatusCode};
use postrider_common::delivery::Transition;
use postrider_common::id::DeliveryId;
use postrider_store::{Claiming, LeasePolicy, NewEvent};
use serde_json::{Value, json};
use std::time::Duration;
use time::macros::datetime;

/// A tenant with two webhooks that want everything.
struct Case {
    api: Harness,
    acme: Tenant,
    caller: Client,
}

impl Case {
    async fn start() -> Self {
        let api = Harness::start().await;
        let acme = api.tenant("acme").await;
        let caller = api.with(&acme.key);
        for _ in 0..2 {
            let webhook = json!({"url": "https://a.example.com/"});
            caller.post("/webhooks", webhook).await.of(StatusCode::CREATED);
        }
        Self { api, acme, caller }
    }

    /// Publishes an event under this id; gives its two deliveries.
    async fn publish(&self, given: &str) -> Vec<String> {
        self.api.publish(named(event(&self.acme, "a", "{}"), given)).await;
        let path = format!("/deliveries?event_id={given}");
        column(&self.caller.get(&path).await.of(StatusCode::OK), "id")
    }

    /// Makes a delivery in flight.
    async fn claim(&self, delivery: &str) {
        let id = DeliveryId::parse(delivery).unwrap();
        let policy = LeasePolicy { timeouts: vec![], margin: Duration::from_secs(10) };
        self.api.store.deliveries_claim(&[id], &policy, Claiming::Together).await.unwrap();
    }

    async fn cancel(&self, of: &str, id: &str) -> super::harness::Answer {
        self.caller.call(Method::POST, &format!("/{of}/{id}/cancel"), None).await
    }
}

#[tokio::test]
async fn a_delivery_is_cancelled_until_it_is_sent() {
    let case = Case::start().await;
    let [waiting, finished]: [String; 2] = case.publish("one").await.try_into().unwrap();
    let flying = case.publish("two").await.remove(0);
    case.api.attempt(&finished, Transition::Delivered, None, Some(answered(204, b""))).await;
    case.claim(&flying).await;

    let cancelled = case.cancel("deliveries", &waiting).await.of(StatusCode::OK);
    assert_eq!(cancelled["id"], json!(waiting));
    assert_eq!(
        (&cancelled["status"], &cancelled["dead_reason"]),
        (&json!("dead"), &json!("cancelled"))
    );
    assert_eq!(cancelled["next_attempt_at"], Value::Null);
    assert!(cancelled["finished_at"].is_string());
    let letters = case.caller.get("/dead-letters?reason=cancelled").await.of(StatusCode::OK);
    assert_eq!(column(&letters, "id"), [waiting.as_str()]);

    for (id, state) in [(flying, "in_flight"), (finished, "delivered"), (waiting, "dead")] {
        let refused = case.cancel("deliveries", &id).await;
        let problem = refused.problem(StatusCode::CONFLICT, "not-cancellable");
        assert_eq!(problem["detail"], format!("the delivery cannot be cancelled; it is {state}"));
    }
}

#[tokio::test]
async fn an_events_deliveries_are_cancelled_and_counted() {
    let case = Case::start().await;
    let deliveries = case.publish("order-1").await;
    case.claim(&deliveries[0]).await;
    let done = case.cancel("events", "order-1").await.of(StatusCode::OK);
    assert_eq!(done, json!({"cancelled": 1, "in_flight": 1, "finished": 0}));
    let again = case.cancel("events", "order-1").await.of(StatusCode::OK);
    assert_eq!(again, json!({"cancelled": 0, "in_flight": 1, "finished": 1}));
    let shown = case.caller.get(&format!("/deliveries/{}", deliveries[1])).await;
    assert_eq!(shown.of(StatusCode::OK)["dead_reason"], "cancelled");
}

#[tokio::test]
async fn who_may_not_write_cancels_nothing_and_another_tenant_finds_nothing() {
    let case = Case::start().await;
    let delivery = case.publish("order-1").await.remove(0);
    let reader = case.api.with(&case.api.key("acme", &["read"]).await);
    let other = case.api.tenant("other").await;
    let other = case.api.with(&other.key);
    for path in [format!("/deliveries/{delivery}/cancel"), "/events/order-1/cancel".to_owned()] {
        reader.post(&path, json!({})).await.problem(StatusCode::FORBIDDEN, "forbidden");
        other.post(&path, json!({})).await.not_found();
    }
    for (of, id) in [("events", "nothing"), ("deliveries", "nothing")] {
        case.cancel(of, id).await.not_found();
    }
    let list = case.caller.get("/deliveries?status=queued").await.of(StatusCode::OK);
    assert_eq!(rows(&list).len(), 2);
}

#[tokio::test]
async fn an_event_shows_when_it_is_to_be_delivered() {
    let case = Case::start().await;
    let deliver_at = Some(datetime!(2026-03-04 05:06:07 UTC));
    let new = NewEvent { deliver_at, ..event(&case.acme, "a", "{}") };
    case.api.publish(named(new, "later")).await;
    case.publish("now").await;
    let list = case.caller.get("/events").await.of(StatusCode::OK);
    let shown = |id: &str| {
        let row = rows(&list).iter().find(|row| row["id"] == id).unwrap();
        row["deliver_at"].clone()
    };
    assert_eq!((shown("later"), shown("now")), (json!("2026-03-04T05:06:07Z"), Value::Null));
    let one = case.caller.get("/events/later").await.of(StatusCode::OK);
    assert_eq!(one["deliver_at"], "2026-03-04T05:06:07Z");
}

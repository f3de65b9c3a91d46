//! For how long a tenant's things are kept, as its operator says; and payloads that are removed at once.

use super::harness::{Harness, answered, event, named, rows};
use axum::http::{Method, StatusCode};
use postrider_common::delivery::Transition;
use postrider_common::id::DeliveryId;
use postrider_store::{Claim, Claiming, LeasePolicy};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn an_operator_says_for_how_long_things_are_kept() {
    let api = Harness::start().await;
    let admin = api.admin();
    let plain = json!({"id": "plain", "name": "Plain"});
    let plain = admin.post("/tenants", plain).await.of(StatusCode::CREATED);
    assert_eq!((&plain["retention_days"], &plain["hold_days"]), (&Value::Null, &json!(30)));
    let acme = json!({"id": "acme", "name": "Acme", "retention_days": 3650, "hold_days": 1});
    let acme = admin.post("/tenants", acme).await.of(StatusCode::CREATED);
    assert_eq!((&acme["retention_days"], &acme["hold_days"]), (&json!(3650), &json!(1)));

    let changed = admin.patch("/tenants/acme", json!({"retention_days": 1})).await;
    let changed = changed.of(StatusCode::OK);
    assert_eq!((&changed["retention_days"], &changed["hold_days"]), (&json!(1), &json!(1)));
    assert_eq!(changed["name"], "Acme");
    let change = json!({"retention_days": null, "hold_days": 7, "name": "Acme Ltd"});
    let changed = admin.patch("/tenants/acme", change).await.of(StatusCode::OK);
    assert_eq!((&changed["retention_days"], &changed["hold_days"]), (&Value::Null, &json!(7)));
    assert_eq!(changed["name"], "Acme Ltd");
    assert_eq!(admin.get("/tenants/acme").await.of(StatusCode::OK), changed);
    assert_eq!(admin.patch("/tenants/acme", json!({})).await.of(StatusCode::OK), changed);
    admin.patch("/tenants/nobody", json!({})).await.not_found();
}

#[tokio::test]
async fn what_no_tenant_can_be_changed_to_is_named() {
    let api = Harness::start().await;
    let acme = api.tenant("acme").await;
    let before = api.admin().get("/tenants/acme").await.of(StatusCode::OK);
    for (field, value, rule) in [
        ("retention_days", json!(0), "1 to 3650, or null"),
        ("retention_days", json!(3651), "1 to 3650"),
        ("retention_days", json!("7"), "1 to 3650"),
        ("retention_days", json!(1.5), "1 to 3650"),
        ("hold_days", json!(0), "1 to 3650"),
        ("hold_days", json!(65_537), "1 to 3650"),
        ("hold_days", Value::Null, "1 to 3650"),
        ("name", json!(" "), "1 to 200"),
        ("id", json!("other"), "not known"),
        ("contract", json!("github"), "not known"),
    ] {
        let errors = api.admin().patch("/tenants/acme", json!({ field: value })).await.invalid();
        assert!(errors.len() == 1 && errors[0].0 == field, "{errors:?}");
        assert!(errors[0].1.contains(rule), "{errors:?}");
    }
    assert_eq!(api.admin().get("/tenants/acme").await.of(StatusCode::OK), before);
    let own = api.with(&acme.key).patch("/tenants/acme", json!({"retention_days": 1})).await;
    own.problem(StatusCode::FORBIDDEN, "forbidden");
}

/// A tenant with an event of two deliveries, one of which has been attempted.
struct Case {
    api: Harness,
    key: String,
    attempted: String,
    waiting: String,
}

impl Case {
    async fn start() -> Self {
        let api = Harness::start().await;
        let acme = api.tenant("acme").await;
        let caller = api.with(&acme.key);
        for host in ["a", "b"] {
            let hook = json!({"url": format!("https://{host}.example.com/")});
            caller.post("/webhooks", hook).await.of(StatusCode::CREATED);
        }
        api.publish(named(event(&acme, "a", r#"{"name":"Jane Roe"}"#), "order.7")).await;
        let list = caller.get("/deliveries").await.of(StatusCode::OK);
        let id = |at: usize| rows(&list)[at]["id"].as_str().unwrap().to_owned();
        let (attempted, waiting) = (id(0), id(1));
        let answer = Some(answered(200, b"hello, Jane Roe"));
        api.attempt(&attempted, Transition::Delivered, None, answer).await;
        Self { api, key: acme.key, attempted, waiting }
    }

    async fn expunge(&self) -> super::harness::Answer {
        let path = "/events/order.7/payload";
        self.api.with(&self.key).call(Method::DELETE, path, None).await
    }
}

#[tokio::test]
async fn an_expunged_payload_is_nowhere_to_be_seen() {
    let case = Case::start().await;
    let caller = case.api.with(&case.key);
    let before = caller.get("/events/order.7").await.of(StatusCode::OK);
    assert_eq!(before["expunged_at"], Value::Null);
    let attempts = format!("/deliveries/{}/attempts", case.attempted);
    assert!(caller.get(&attempts).await.text.matches("Jane Roe").count() == 2);

    case.expunge().await.no_content();
    case.expunge().await.no_content();

    let after = caller.get("/events/order.7").await.of(StatusCode::OK);
    assert_eq!(after["data"], Value::Null);
    assert!(after.as_object().unwrap().contains_key("data"));
    assert!(after["expunged_at"].is_string(), "{after}");
    for same in ["id", "type", "metadata", "occurred_at", "accepted_at"] {
        assert_eq!(after[same], before[same], "{same}");
    }
    let listed = caller.get("/events").await.of(StatusCode::OK);
    assert_eq!(rows(&listed)[0]["expunged_at"], after["expunged_at"]);

    let shown = caller.get(&attempts).await;
    assert!(!shown.text.contains("Jane Roe"), "{}", shown.text);
    let shown = shown.of(StatusCode::OK);
    assert_eq!(rows(&shown)[0]["request"]["body"], Value::Null);
    assert_eq!(rows(&shown)[0]["response"]["status"], 200);
    let waiting = caller.get(&format!("/deliveries/{}", case.waiting)).await.of(StatusCode::OK);
    assert_eq!(
        (&waiting["status"], &waiting["dead_reason"]),
        (&json!("dead"), &json!("cancelled"))
    );
}

#[tokio::test]
async fn what_was_expunged_is_not_replayed() {
    let case = Case::start().await;
    case.expunge().await.no_content();
    let caller = case.api.with(&case.key);
    for delivery in [&case.attempted, &case.waiting] {
        let path = format!("/deliveries/{delivery}/replay");
        for body in [json!({}), json!({"as_new": true})] {
            let answer = caller.post(&path, body).await;
            answer.problem(StatusCode::CONFLICT, "payload-expunged");
        }
    }
}

#[tokio::test]
async fn what_is_being_sent_is_waited_for() {
    let case = Case::start().await;
    let id = DeliveryId::parse(&case.waiting).unwrap();
    let timeouts = vec![("standard-webhooks".to_owned(), Duration::from_secs(15))];
    let policy = LeasePolicy { timeouts, margin: Duration::from_secs(10) };
    let claimed = case.api.store.deliveries_claim(&[id], &policy, Claiming::Together).await;
    let claimed = claimed.unwrap();
    assert!(matches!(claimed.claims[..], [Claim::Claimed(_)]));
    let problem = case.expunge().await.problem(StatusCode::CONFLICT, "in-flight");
    assert!(problem["detail"].as_str().unwrap().contains("being sent: 1"), "{problem}");
    let event = case.api.with(&case.key).get("/events/order.7").await.of(StatusCode::OK);
    assert_eq!(event["data"], json!({"name": "Jane Roe"}));
}

#[tokio::test]
async fn only_who_may_write_expunges() {
    let case = Case::start().await;
    let path = "/events/order.7/payload";
    let reader = case.api.key("acme", &["read"]).await;
    let answer = case.api.with(&reader).call(Method::DELETE, path, None).await;
    answer.problem(StatusCode::FORBIDDEN, "forbidden");
    let other = case.api.tenant("other").await;
    case.api.with(&other.key).call(Method::DELETE, path, None).await.not_found();
    let admin = format!("{path}?tenant_id=acme");
    case.api.admin().call(Method::DELETE, &admin, None).await.no_content();
}

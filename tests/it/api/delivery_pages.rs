//! A webhook's deliveries and attempts, with the keys that the products' documents print.

use super::harness::{Client, Harness, Tenant, answered, event, named};
use axum::http::{Method, StatusCode};
use postrider_common::attempt::FailureKind;
use postrider_common::delivery::{DeadReason, Progress, Transition};
use postrider_store::FeedLimits;
use serde_json::{Value, json};
use std::time::Duration;

const DEAD: Transition = Transition::Dead { reason: DeadReason::Exhausted, disable: None };
const AGAIN: Transition =
    Transition::Retry { delay: Duration::ZERO, progress: Progress { failures: 1 } };

/// A tenant of cathcr with one webhook.
struct Case {
    api: Harness,
    acme: Tenant,
    caller: Client,
    webhook: String,
}

impl Case {
    async fn start() -> Self {
        let api = Harness::start().await;
        let acme = api.tenant_with("acme", "cathcr").await;
        let caller = api.with(&acme.key);
        let body = json!({"url": "https://a.example.com/", "secret": "s3cret"});
        let made = caller.post("/webhooks", body).await.of(StatusCode::CREATED);
        let webhook = made["id"].as_str().unwrap().to_owned();
        Self { api, acme, caller, webhook }
    }

    /// Publishes an event of this id, and gives its delivery's.
    async fn publish(&self, id: &str) -> String {
        self.api.publish(named(event(&self.acme, "thought.created", "{}"), id)).await;
        let list = self.caller.get(&format!("/deliveries?event_id={id}")).await.of(StatusCode::OK);
        list["data"][0]["id"].as_str().unwrap().to_owned()
    }

    /// Has what is due queued, as the dispatcher does.
    async fn feed(&self) {
        let limits = FeedLimits {
            total: 100,
            per_endpoint: 100,
            per_tenant: 10_000,
            ..FeedLimits::default()
        };
        self.api.store.deliveries_feed(&limits).await.unwrap();
    }

    /// As the document has it: below its own base path.
    async fn get(&self, path: &str) -> Value {
        let path = format!("/webhooks/{}{path}", self.webhook);
        self.caller.call_at(Method::GET, &path, None).await.of(StatusCode::OK)
    }
}

#[tokio::test]
async fn a_delivery_is_a_row_with_its_last_attempt() {
    let case = Case::start().await;
    let delivered = case.publish("one").await;
    let ok = Some(answered(200, b""));
    case.api.attempt(&delivered, Transition::Delivered, None, ok).await;
    let failed = case.publish("two").await;
    case.api.attempt(&failed, AGAIN, Some(FailureKind::Timeout), None).await;
    case.feed().await;
    let answer = Some(answered(500, b""));
    case.api.attempt(&failed, DEAD, Some(FailureKind::Status), answer).await;
    let waiting = case.publish("three").await;

    let page = case.get("/deliveries").await;
    assert_eq!(page["pagination"], json!({"total": 3, "limit": 20, "offset": 0}));
    let rows = page["deliveries"].as_array().unwrap();
    let [new, dead, done] = &rows[..] else { panic!("{page}") };
    let expected = json!({
        "id": delivered, "timestamp": done["timestamp"], "event": "thought.created",
        "status_code": 200, "response_time": 125, "attempt": 1, "success": true,
        "status": "delivered", "event_id": "one", "test": false,
    });
    assert_eq!(done, &expected);
    let expected = json!({
        "id": failed, "timestamp": dead["timestamp"], "event": "thought.created",
        "status_code": 500, "response_time": 125, "attempt": 2, "success": false,
        "error": "HTTP status 500", "status": "dead", "event_id": "two", "test": false,
    });
    assert_eq!(dead, &expected);
    let shown = case.caller.get(&format!("/deliveries/{waiting}")).await.of(StatusCode::OK);
    let created = format!("{}Z", &shown["created_at"].as_str().unwrap()[..19]);
    let expected = json!({
        "id": waiting, "timestamp": created, "event": "thought.created",
        "status_code": null, "response_time": null, "attempt": 0, "success": false,
        "status": "queued", "event_id": "three", "test": false,
    });
    assert_eq!(new, &expected);
    for row in rows {
        assert!(row["id"].as_str().unwrap().starts_with("delivery_"), "{row}");
        let time = row["timestamp"].as_str().unwrap();
        assert!(time.len() == 20 && time.ends_with('Z'), "{row}");
    }
}

#[tokio::test]
async fn the_documents_keys_come_first_and_in_its_order() {
    let case = Case::start().await;
    let failed = case.publish("one").await;
    case.api.attempt(&failed, DEAD, Some(FailureKind::Timeout), None).await;
    let keys = ["id", "timestamp", "event", "status_code", "response_time", "attempt", "success"];
    for path in ["deliveries", "logs"] {
        let answer = case.caller.get(&format!("/webhooks/{}/{path}", case.webhook)).await;
        let place = |key: &str| answer.text.find(&format!("\"{key}\":")).unwrap();
        let places: Vec<_> =
            keys.iter().chain(&["error", "status"]).map(|key| place(key)).collect();
        assert!(places.is_sorted(), "{}", answer.text);
        assert!(answer.text.contains(r#""error":"Connection timeout""#), "{}", answer.text);
    }
}

#[tokio::test]
async fn pages_are_told_by_limit_and_offset() {
    let case = Case::start().await;
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.insert(0, case.publish(&format!("event-{n}")).await);
    }
    for (query, from, to) in [
        ("", 0, 5),
        ("?limit=2", 0, 2),
        ("?limit=2&offset=3", 3, 5),
        ("?offset=4", 4, 5),
        ("?offset=5", 5, 5),
        ("?limit=100&offset=1000000", 5, 5),
    ] {
        let page = case.get(&format!("/deliveries{query}")).await;
        let rows = page["deliveries"].as_array().unwrap();
        let shown: Vec<_> = rows.iter().map(|row| row["id"].as_str().unwrap()).collect();
        assert_eq!(shown, ids[from..to], "{query}");
        assert_eq!(page["pagination"]["total"], 5, "{query}");
    }
    let path = format!("/webhooks/{}/deliveries", case.webhook);
    for bad in [
        "limit=0",
        "limit=101",
        "limit=x",
        "offset=-1",
        "offset=1000001",
        "offset=",
        "cursor=x",
        "page=2",
    ] {
        let errors = case.caller.get(&format!("{path}?{bad}")).await.bad_parameters();
        let [(field, _)] = &errors[..] else { panic!("{bad}: {errors:?}") };
        assert!(bad.starts_with(field.as_str()), "{bad}: {errors:?}");
    }
}

#[tokio::test]
async fn an_attempt_is_a_row_of_the_logs() {
    let case = Case::start().await;
    let first = case.publish("one").await;
    case.api.attempt(&first, AGAIN, Some(FailureKind::Connect), None).await;
    case.feed().await;
    let ok = Some(answered(204, b""));
    case.api.attempt(&first, Transition::Delivered, None, ok).await;
    let second = case.publish("two").await;
    case.api.attempt(&second, DEAD, Some(FailureKind::Dns), None).await;
    case.publish("three").await;

    let row = |row: &Value| {
        let text = |key: &str| row[key].as_str().map(str::to_owned);
        (text("id").unwrap(), row["attempt"].as_u64().unwrap(), text("error"))
    };
    let rows = |logs: &Value| logs["logs"].as_array().unwrap().iter().map(row).collect::<Vec<_>>();
    let all = [
        (second, 1, Some("Host name not found".to_owned())),
        (first.clone(), 2, None),
        (first, 1, Some("Connection failed".to_owned())),
    ];
    assert_eq!(rows(&case.get("/logs?limit=50").await), all);
    assert_eq!(rows(&case.get("/logs").await), all);
    assert_eq!(rows(&case.get("/logs?limit=2").await), all[..2]);
    let path = format!("/webhooks/{}/logs", case.webhook);
    let errors = case.caller.get(&format!("{path}?limit=101&offset=1")).await.bad_parameters();
    assert_eq!(errors.len(), 2, "{errors:?}");
}

#[tokio::test]
async fn another_webhooks_rows_are_not_among_them_and_another_tenants_are_not_found() {
    let case = Case::start().await;
    case.publish("one").await;
    let body = json!({"url": "https://b.example.com/", "secret": "s3cret", "events": ["x"]});
    let made = case.caller.post("/webhooks", body).await.of(StatusCode::CREATED);
    let other = made["id"].as_str().unwrap();
    let page = case.caller.get(&format!("/webhooks/{other}/deliveries")).await.of(StatusCode::OK);
    assert_eq!(page["deliveries"], json!([]));
    let stranger = case.api.tenant("stranger").await;
    for path in ["deliveries", "logs"] {
        let path = format!("/webhooks/{}/{path}", case.webhook);
        case.api.with(&stranger.key).get(&path).await.not_found();
        case.caller.get(&path).await.of(StatusCode::OK);
    }
    case.caller.get("/webhooks/webhook_nobody/deliveries").await.not_found();

    // The log of a webhook outlives it.
    case.caller.delete(&format!("/webhooks/{}", case.webhook)).await.no_content();
    assert_eq!(case.get("/deliveries").await["pagination"]["total"], 1);
}

#[tokio::test]
async fn the_native_list_is_below_webhooks_too() {
    let case = Case::start().await;
    case.publish("one").await;
    let native = case.caller.get("/deliveries").await.of(StatusCode::OK);
    for path in ["/api/v1/webhooks/deliveries/", "/api/v1/webhooks/deliveries"] {
        let list = case.caller.call_at(Method::GET, path, None).await;
        assert_eq!(list.of(StatusCode::OK), native, "{path}");
    }
    let dead = "/api/v1/webhooks/deliveries/?status=dead";
    let dead = case.caller.call_at(Method::GET, dead, None).await.of(StatusCode::OK);
    assert_eq!(dead["data"], json!([]));
}

#[tokio::test]
async fn an_attempt_names_the_contract_that_made_it() {
    let case = Case::start().await;
    let id = case.publish("one").await;
    case.api.attempt(&id, DEAD, Some(FailureKind::Timeout), None).await;
    let list = case.caller.get(&format!("/deliveries/{id}/attempts")).await.of(StatusCode::OK);
    let expected = json!({"name": "standard-webhooks", "digest": null});
    assert_eq!(list["data"][0]["contract"], expected, "as its dispatcher recorded it");
}

//! Replay, as the same delivery or as a new one, by the delivery's path or below its webhook.

use super::harness::{Client, Harness, Tenant, answered, event, rows};
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use postrider_common::delivery::Transition;
use serde_json::{Value, json};

/// A tenant of cathcr with two webhooks, the first of which has a finished delivery.
struct Case {
    api: Harness,
    acme: Tenant,
    caller: Client,
    webhook: String,
    other: String,
    delivery: String,
}

impl Case {
    async fn start() -> Self {
        let api = Harness::start().await;
        let acme = api.tenant_with("acme", "cathcr").await;
        let caller = api.with(&acme.key);
        let webhook = webhook(&caller, "a").await;
        let other = webhook_of_nothing(&caller).await;
        api.publish(event(&acme, "a", r#"{"n":1}"#)).await;
        let list = caller.get("/deliveries").await.of(StatusCode::OK);
        let delivery = rows(&list)[0]["id"].as_str().unwrap().to_owned();
        api.attempt(&delivery, Transition::Delivered, None, Some(answered(204, b""))).await;
        Self { api, acme, caller, webhook, other, delivery }
    }

    /// The document's path.
    async fn replay(&self, webhook: &str, body: Option<Value>) -> super::harness::Answer {
        let path = format!("/webhooks/{webhook}/replay/{}", self.delivery);
        self.caller.call_at(Method::POST, &path, body.map(|body| body.to_string())).await
    }
}

async fn webhook(caller: &Client, events: &str) -> String {
    let url = "https://a.example.com/";
    let body = json!({"url": url, "secret": "s3cret", "events": [events]});
    let made = caller.post("/webhooks", body).await.of(StatusCode::CREATED);
    made["id"].as_str().unwrap().to_owned()
}

async fn webhook_of_nothing(caller: &Client) -> String {
    webhook(caller, "nothing").await
}

#[tokio::test]
async fn a_replay_as_new_makes_another_delivery_of_the_same_event() {
    let case = Case::start().await;
    let before = case.caller.get(&format!("/deliveries/{}", case.delivery)).await;
    let before = before.of(StatusCode::OK);
    let path = format!("/deliveries/{}/replay", case.delivery);
    let new = case.caller.post(&path, json!({"as_new": true})).await.of(StatusCode::ACCEPTED);
    assert_ne!(new["id"], before["id"]);
    for same in ["event_id", "event_type", "webhook_id", "test"] {
        assert_eq!(new[same], before[same], "{same}");
    }
    assert_eq!((&new["status"], &new["round"]), (&json!("scheduled"), &json!(1)));
    assert_eq!(new["attempts"], 0);
    let after = case.caller.get(&format!("/deliveries/{}", case.delivery)).await;
    assert_eq!(after.of(StatusCode::OK), before, "the old one is left as it is");

    // The old one may be replayed as new any number of times; the new one is not finished.
    let third = case.caller.post(&path, json!({"as_new": true})).await.of(StatusCode::ACCEPTED);
    assert_ne!(third["id"], new["id"]);
    let path = format!("/deliveries/{}/replay", new["id"].as_str().unwrap());
    let answer = case.caller.post(&path, json!({"as_new": true})).await;
    answer.problem(StatusCode::CONFLICT, "not-finished");
}

#[tokio::test]
async fn below_its_webhook_a_delivery_is_replayed_in_both_ways() {
    let case = Case::start().await;
    let new = case.replay(&case.webhook, Some(json!({"as_new": true}))).await;
    let new = new.of(StatusCode::ACCEPTED);
    assert!(new["id"] != case.delivery.as_str(), "{new}");
    let same = case.replay(&case.webhook, None).await.of(StatusCode::ACCEPTED);
    assert_eq!((&same["id"], &same["round"]), (&json!(case.delivery), &json!(2)));
    let again = case.replay(&case.webhook, Some(json!({"as_new": false}))).await;
    again.problem(StatusCode::CONFLICT, "not-finished");
}

#[tokio::test]
async fn only_the_deliverys_own_webhook_finds_it() {
    let case = Case::start().await;
    case.replay(&case.other, None).await.not_found();
    case.replay("webhook_nobody", None).await.not_found();
    let path = format!("/webhooks/{}/replay/{}", case.webhook, uuid::Uuid::now_v7());
    case.caller.post(&path, json!({})).await.not_found();
    let stranger = case.api.tenant("stranger").await;
    let path = format!("/webhooks/{}/replay/{}", case.webhook, case.delivery);
    case.api.with(&stranger.key).post(&path, json!({})).await.not_found();
    let reader = case.api.key(&case.acme.id, &["read"]).await;
    let answer = case.api.with(&reader).post(&path, json!({})).await;
    answer.problem(StatusCode::FORBIDDEN, "forbidden");
    let list = case.caller.get("/deliveries").await.of(StatusCode::OK);
    assert_eq!(rows(&list).len(), 1);
    assert_eq!(rows(&list)[0]["round"], 1);
}

#[tokio::test]
async fn a_body_may_be_absent_and_is_read_strictly_if_it_is_not() {
    let case = Case::start().await;
    let path = format!("/deliveries/{}/replay", case.delivery);
    let errors = case.caller.post(&path, json!({"as_new": 1, "x": 2})).await.invalid();
    let fields: Vec<_> = errors.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(fields, ["as_new", "x"]);
    let request = |content_type: &str, body: &'static str| {
        Request::post(format!("/api/v1{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {}", case.acme.key))
            .header(header::CONTENT_TYPE, content_type)
            .body(Body::from(body))
            .unwrap()
    };
    let form = case.caller.send(request("application/x-www-form-urlencoded", "as_new=true")).await;
    form.problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type");
    let broken = case.caller.send(request("application/json", "{")).await;
    broken.problem(StatusCode::BAD_REQUEST, "malformed-body");
    // As some clients send no body.
    let empty = case.caller.send(request("text/plain", "")).await.of(StatusCode::ACCEPTED);
    assert_eq!(empty["id"], case.delivery.as_str());
}

#[tokio::test]
async fn a_deleted_webhooks_delivery_is_not_replayed_as_new() {
    let case = Case::start().await;
    case.caller.delete(&format!("/webhooks/{}", case.webhook)).await.no_content();
    let path = format!("/deliveries/{}/replay", case.delivery);
    let answer = case.caller.post(&path, json!({"as_new": true})).await;
    answer.problem(StatusCode::CONFLICT, "endpoint-deleted");
    case.replay(&case.webhook, None).await.not_found();
}

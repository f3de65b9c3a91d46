//! Test events: a type of the catalogue or a payload of the caller's own, to one webhook alone.

use super::harness::{Client, Harness, Tenant, column, rows};
use axum::http::{Method, StatusCode};
use postrider_contract::Contracts;
use serde_json::{Value, json};

/// A webhook that wants something else than what is tested with.
async fn webhook(caller: &Client) -> String {
    let body = json!({"url": "https://a.example.com/", "secret": "s3cret", "events": ["x"]});
    let made = caller.post("/webhooks", body).await.of(StatusCode::CREATED);
    made["id"].as_str().unwrap().to_owned()
}

async fn cathcr(api: &Harness) -> (Tenant, String) {
    let tenant = api.tenant_with("acme", "cathcr").await;
    let webhook = webhook(&api.with(&tenant.key)).await;
    (tenant, webhook)
}

/// The event that an answer names, as it is stored.
async fn stored(caller: &Client, accepted: &Value) -> Value {
    let path = format!("/events/{}", accepted["event_id"].as_str().unwrap());
    caller.get(&path).await.of(StatusCode::OK)
}

#[tokio::test]
async fn every_type_of_the_catalogue_is_sent_with_its_example() {
    let api = Harness::start().await;
    let (acme, webhook) = cathcr(&api).await;
    let caller = api.with(&acme.key);
    let contracts = Contracts::built_in();
    let catalogue = contracts.get("cathcr").unwrap().catalogue();
    assert_eq!(catalogue.len(), 15);
    for event in catalogue {
        let path = format!("/webhooks/{webhook}/test");
        let body = json!({"event": event.event_type()}).to_string();
        let accepted = caller.call_at(Method::POST, &path, Some(body)).await;
        let accepted = accepted.of(StatusCode::ACCEPTED);
        assert_eq!(accepted.as_object().unwrap().len(), 2, "{accepted}");
        let shown = stored(&caller, &accepted).await;
        let example: Value = serde_json::from_slice(event.example().as_bytes()).unwrap();
        assert_eq!((&shown["data"], &shown["test"]), (&example, &json!(true)));
        assert_eq!(shown["type"], event.event_type());
    }
}

#[tokio::test]
async fn one_delivery_is_due_at_once_to_that_webhook_alone_even_while_it_is_off() {
    let api = Harness::start().await;
    let (acme, first) = cathcr(&api).await;
    let caller = api.with(&acme.key);
    webhook(&caller).await;
    caller.post(&format!("/webhooks/{first}/pause"), json!({})).await.of(StatusCode::OK);
    let test = json!({"event": "thought.created"});
    let accepted = caller.post(&format!("/webhooks/{first}/test"), test).await;
    let accepted = accepted.of(StatusCode::ACCEPTED);
    assert!(accepted["event_id"].as_str().unwrap().starts_with("evt_"), "{accepted}");

    let list = caller.get("/deliveries").await.of(StatusCode::OK);
    let [delivery] = rows(&list) else { panic!("{list}") };
    assert_eq!(delivery["id"], accepted["delivery_id"]);
    assert!(delivery["id"].as_str().unwrap().starts_with("delivery_"), "{delivery}");
    assert_eq!(delivery["event_id"], accepted["event_id"]);
    assert_eq!(delivery["webhook_id"], first);
    assert_eq!((&delivery["test"], &delivery["status"]), (&json!(true), &json!("scheduled")));
    let events = caller.get("/events").await.of(StatusCode::OK);
    assert_eq!(rows(&events)[0]["test"], true);
}

#[tokio::test]
async fn the_webhook_may_be_named_in_the_body() {
    let api = Harness::start().await;
    let platform = api.tenant_with("platform", "platform").await;
    let caller = api.with(&platform.key);
    let webhook = webhook(&caller).await;
    let test =
        |body: Value| caller.call_at(Method::POST, "/v2/webhooks/test", Some(body.to_string()));
    let accepted = test(json!({"webhook_id": webhook, "event": "user.created"})).await;
    let accepted = accepted.of(StatusCode::ACCEPTED);
    assert!(accepted["delivery_id"].as_str().unwrap().starts_with("delivery_"), "{accepted}");
    let list = caller.get("/deliveries").await.of(StatusCode::OK);
    assert_eq!(column(&list, "webhook_id"), [webhook]);

    let fields = |errors: Vec<(String, String)>| -> Vec<_> {
        errors.into_iter().map(|(field, _)| field).collect()
    };
    assert_eq!(fields(test(json!({})).await.invalid()), ["webhook_id", "event"]);
    let errors = test(json!({"event": "user.created", "x": 1})).await.invalid();
    assert_eq!(fields(errors), ["webhook_id", "x"]);
    test(json!({"webhook_id": "webhook_nobody", "event": "user.created"})).await.not_found();
}

#[tokio::test]
async fn a_type_that_the_contract_does_not_name_takes_a_payload() {
    let api = Harness::start().await;
    let (acme, webhook) = cathcr(&api).await;
    let caller = api.with(&acme.key);
    let path = format!("/api/v1/webhooks/{webhook}/test");
    let test = |body: &str| caller.call_at(Method::POST, &path, Some(body.to_owned()));

    let errors = test(r#"{"event": "order.paid"}"#).await.invalid();
    let [(field, rule)] = &errors[..] else { panic!("{errors:?}") };
    assert_eq!(field, "event");
    assert!(
        rule.contains("thought.created, ") && rule.contains("user.preferences_updated"),
        "{rule}"
    );

    let accepted = test(r#"{"event": "order.paid", "payload": {"b": 1.0, "2": "\ud800"}}"#).await;
    let accepted = accepted.of(StatusCode::ACCEPTED);
    let event = format!("/events/{}", accepted["event_id"].as_str().unwrap());
    let shown = caller.get(&event).await;
    assert!(shown.text.contains(r#""data":{"2":"\ud800","b":1}"#), "{}", shown.text);

    // A payload goes before the example.
    let accepted = test(r#"{"event": "thought.created", "payload": {}}"#).await;
    let accepted = accepted.of(StatusCode::ACCEPTED);
    assert_eq!(stored(&caller, &accepted).await["data"], json!({}));
}

#[tokio::test]
async fn what_breaks_a_rule_is_named_and_sends_nothing() {
    let api = Harness::start().await;
    let (acme, webhook) = cathcr(&api).await;
    let caller = api.with(&acme.key);
    let path = format!("/api/v1/webhooks/{webhook}/test");
    let cases = [
        ("{}", "event", "is required"),
        (r#"{"event": 7}"#, "event", "must be a string"),
        (r#"{"event": "a..b", "payload": {}}"#, "event", "words of"),
        (r#"{"event": "a", "payload": []}"#, "payload", "not a JSON object"),
        (r#"{"event": "a", "payload": null}"#, "payload", "not a JSON object"),
        (r#"{"event": "a", "payload": {"k": 1, "k": 2}}"#, "payload", "duplicate key"),
        (r#"{"event": "a", "payload": {}, "payload": {}}"#, "payload", "stands twice"),
        (r#"{"event": "a", "payload": {}, "data": {}}"#, "data", "not known"),
    ];
    for (body, field, rule) in cases {
        let errors = caller.call_at(Method::POST, &path, Some(body.to_owned())).await.invalid();
        let [(named, broken)] = &errors[..] else { panic!("{body}: {errors:?}") };
        assert!(named == field && broken.contains(rule), "{body}: {errors:?}");
    }
    let answer = caller.call_at(Method::POST, &path, Some(r#"{"event": "\ud800"}"#.into())).await;
    answer.problem(StatusCode::BAD_REQUEST, "malformed-body");
    let answer = caller.call_at(Method::POST, &path, None).await;
    answer.problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type");
    assert!(rows(&caller.get("/events").await.of(StatusCode::OK)).is_empty());
}

#[tokio::test]
async fn another_tenants_webhook_is_not_found_and_a_reader_may_not_test() {
    let api = Harness::start().await;
    let (acme, webhook) = cathcr(&api).await;
    let other = api.tenant_with("other", "cathcr").await;
    let test = json!({"event": "thought.created"});
    let path = format!("/webhooks/{webhook}/test");
    api.with(&other.key).post(&path, test.clone()).await.not_found();
    let named = json!({"webhook_id": webhook, "event": "thought.created"});
    api.with(&other.key).post("/webhooks/test", named).await.not_found();
    let reader = api.key(&acme.id, &["read"]).await;
    let answer = api.with(&reader).post(&path, test).await;
    answer.problem(StatusCode::FORBIDDEN, "forbidden");
}

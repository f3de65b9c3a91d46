//! Deliveries: narrowed lists, attempts with request and response, replay.

use super::harness::{Client, Harness, Tenant, answered, column, event, named, rows};
use axum::http::StatusCode;
use postrider_common::attempt::FailureKind;
use postrider_common::delivery::{DeadReason, Transition};
use serde_json::{Value, json};

async fn webhook(caller: &Client) -> String {
    let made = caller.post("/webhooks", json!({"url": "https://a.example.com/"})).await;
    made.of(StatusCode::CREATED)["id"].as_str().unwrap().to_owned()
}

/// A tenant with one webhook and one delivery; gives the ids of both.
async fn one_delivery(api: &Harness, acme: &Tenant) -> (String, String) {
    let caller = api.with(&acme.key);
    let webhook = webhook(&caller).await;
    api.publish(event(acme, "a", r#"{"n":1.50}"#)).await;
    let list = caller.get("/deliveries").await.of(StatusCode::OK);
    (webhook, column(&list, "id").remove(0))
}

#[tokio::test]
async fn a_list_is_narrowed_by_webhook_event_and_status() {
    let api = Harness::start().await;
    let acme = api.tenant("acme").await;
    let caller = api.with(&acme.key);
    let first = webhook(&caller).await;
    let ours = api.publish(event(&acme, "a", "{}")).await;
    let second = webhook(&caller).await;
    api.publish(named(event(&acme, "b", "{}"), "order.7")).await;

    let ours_shown = format!("evt_{ours}");
    let pairs = async |query: &str| -> Vec<(String, String)> {
        let list = caller.get(&format!("/deliveries?{query}")).await.of(StatusCode::OK);
        let mut pairs: Vec<_> =
            column(&list, "webhook_id").into_iter().zip(column(&list, "event_id")).collect();
        pairs.sort();
        pairs
    };
    let row = |webhook: &str, event: &str| (webhook.to_owned(), event.to_owned());
    let all = [row(&first, &ours_shown), row(&first, "order.7"), row(&second, "order.7")];
    for (query, expected) in [
        (String::new(), &all[..]),
        (format!("webhook_id={second}"), &all[2..]),
        (format!("event_id={ours}"), &all[..1]),
        (format!("event_id={ours_shown}"), &all[..1]),
        ("event_id=order.7".to_owned(), &all[1..]),
        (format!("event_id=order.7&webhook_id={first}"), &all[1..2]),
        ("event_id=order.8".to_owned(), &[]),
        ("webhook_id=webhook_x".to_owned(), &[]),
        ("status=queued".to_owned(), &all[..]),
        ("status=dead".to_owned(), &[]),
    ] {
        assert_eq!(pairs(&query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn an_attempt_shows_what_went_out_and_what_came_back() {
    let api = Harness::start().await;
    let acme = api.tenant("acme").await;
    let (_, delivery) = one_delivery(&api, &acme).await;
    let response = answered(503, b"<b>\xff\0");
    let dead = Transition::Dead { reason: DeadReason::Gone, disable: None };
    api.attempt(&delivery, dead, Some(FailureKind::Status), Some(response)).await;

    let caller = api.with(&acme.key);
    let list = caller.get(&format!("/deliveries/{delivery}/attempts")).await.of(StatusCode::OK);
    assert_eq!(list["next_cursor"], Value::Null);
    let [attempt] = rows(&list) else { panic!("{list}") };
    assert_eq!((&attempt["number"], &attempt["round"]), (&json!(1), &json!(1)));
    assert_eq!((&attempt["failure"], &attempt["duration_ms"]), (&json!("status"), &json!(125)));
    assert_eq!(attempt["request"]["url"], "https://hooks.example.com/in?token=1");
    let content_type = json!({"name": "content-type", "value": "application/json"});
    assert_eq!(attempt["request"]["headers"][0], content_type);
    let event = caller.get("/events").await.of(StatusCode::OK);
    let second = &rows(&event)[0]["occurred_at"].as_str().unwrap()[..19];
    let sent = format!(r#"{{"type":"a","timestamp":"{second}Z","data":{{"n":1.50}}}}"#);
    assert_eq!(attempt["request"]["body"], sent);
    let expected = json!({
        "status": 503,
        "headers": [{"name": "retry-after", "value": "1"}],
        "body": "<b>\u{fffd}\u{0}",
        "body_end": "complete",
    });
    assert_eq!(attempt["response"], expected);
}

#[tokio::test]
async fn an_attempt_without_an_answer_has_no_response() {
    let api = Harness::start().await;
    let acme = api.tenant("acme").await;
    let (_, delivery) = one_delivery(&api, &acme).await;
    let dead = Transition::Dead { reason: DeadReason::Exhausted, disable: None };
    api.attempt(&delivery, dead, Some(FailureKind::Timeout), None).await;
    let caller = api.with(&acme.key);
    let list = caller.get(&format!("/deliveries/{delivery}/attempts")).await.of(StatusCode::OK);
    assert_eq!(rows(&list)[0]["response"], Value::Null);
    let shown = caller.get(&format!("/deliveries/{delivery}")).await.of(StatusCode::OK);
    assert_eq!(shown["last_failure"], "timeout");
    assert_eq!((&shown["last_status_code"], &shown["attempts"]), (&Value::Null, &json!(1)));
    assert!(shown["finished_at"].is_string());
}

#[tokio::test]
async fn only_what_is_finished_is_replayed() {
    let api = Harness::start().await;
    let acme = api.tenant("acme").await;
    let (_, delivery) = one_delivery(&api, &acme).await;
    let caller = api.with(&acme.key);
    let replay = format!("/deliveries/{delivery}/replay");

    let answer = caller.post(&replay, json!({})).await;
    let problem = answer.problem(StatusCode::CONFLICT, "not-finished");
    assert!(problem["detail"].as_str().unwrap().contains("queued"));
    api.attempt(&delivery, Transition::Delivered, None, Some(answered(204, b""))).await;
    let replayed = caller.post(&replay, json!({})).await.of(StatusCode::ACCEPTED);
    assert_eq!((&replayed["status"], &replayed["round"]), (&json!("scheduled"), &json!(2)));
    assert_eq!(replayed["finished_at"], Value::Null);
    caller.post(&replay, json!({})).await.problem(StatusCode::CONFLICT, "not-finished");
}

#[tokio::test]
async fn a_deleted_webhooks_delivery_is_not_replayed() {
    let api = Harness::start().await;
    let acme = api.tenant("acme").await;
    let (webhook, delivery) = one_delivery(&api, &acme).await;
    api.attempt(&delivery, Transition::Delivered, None, Some(answered(204, b""))).await;
    let caller = api.with(&acme.key);
    caller.delete(&format!("/webhooks/{webhook}")).await.no_content();
    let answer = caller.post(&format!("/deliveries/{delivery}/replay"), json!({})).await;
    answer.problem(StatusCode::CONFLICT, "endpoint-deleted");
}

#[tokio::test]
async fn a_delivery_is_found_by_every_form_of_its_id() {
    let api = Harness::start().await;
    let acme = api.tenant("acme").await;
    let (_, delivery) = one_delivery(&api, &acme).await;
    let bare = delivery.strip_prefix("msg_").unwrap();
    for text in [bare.to_owned(), format!("delivery_{bare}"), delivery.clone()] {
        let shown = api.with(&acme.key).get(&format!("/deliveries/{text}")).await;
        assert_eq!(shown.of(StatusCode::OK)["id"], delivery.as_str());
    }
    let unknown = format!("/deliveries/{}", uuid::Uuid::now_v7());
    api.with(&acme.key).get(&unknown).await.not_found();
    api.with(&acme.key).get(&format!("{unknown}/attempts")).await.not_found();
    api.with(&acme.key).post(&format!("{unknown}/replay"), json!({})).await.not_found();
}

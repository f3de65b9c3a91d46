//! The first steps of a user, from an empty database to the log of a delivery and its replay.

use super::harness::{Client, Harness, Tenant, answered, event, rows};
use axum::http::StatusCode;
use postrider_common::attempt::FailureKind;
use postrider_common::delivery::{DeadReason, Transition};
use serde_json::{Value, json};

#[tokio::test]
async fn from_an_empty_database_to_a_replay() {
    let api = Harness::start().await;
    let admin = api.admin();

    let tenant = admin
        .post("/tenants", json!({"id": "acme", "name": "Acme", "contract": "standard-webhooks"}))
        .await
        .of(StatusCode::CREATED);
    assert_eq!(tenant["id"], "acme");
    let key = admin
        .post("/tenants/acme/api-keys", json!({"name": "backend", "scopes": ["*"]}))
        .await
        .of(StatusCode::CREATED);
    let acme = Tenant { id: "acme".to_owned(), key: key["key"].as_str().unwrap().to_owned() };

    let caller = api.with(&acme.key);
    let webhook = caller
        .post(
            "/webhooks",
            json!({"url": "https://a.example.com/in", "events": ["thought.created"]}),
        )
        .await
        .of(StatusCode::CREATED);
    assert!(webhook["secret"].as_str().unwrap().starts_with("whsec_"));

    let wanted = api.publish(event(&acme, "thought.created", r#"{"n":1}"#)).await;
    api.publish(event(&acme, "thought.deleted", r#"{"n":2}"#)).await;
    let shown = caller.get(&format!("/events/{wanted}")).await.of(StatusCode::OK);
    assert_eq!((&shown["type"], &shown["data"]), (&json!("thought.created"), &json!({"n": 1})));

    let list = caller.get("/deliveries").await.of(StatusCode::OK);
    let [delivery] = rows(&list) else { panic!("{list}") };
    assert_eq!(delivery["webhook_id"], webhook["id"]);
    assert_eq!(delivery["event_id"], shown["id"]);
    assert_eq!(delivery["status"], "queued");

    a_failure_and_its_replay(&api, &caller, delivery).await;
}

async fn a_failure_and_its_replay(api: &Harness, caller: &Client, delivery: &Value) {
    let text = |member: &str| delivery[member].as_str().unwrap();
    let id = text("id");
    let dead = Transition::Dead { reason: DeadReason::Exhausted, disable: None };
    api.attempt(id, dead, Some(FailureKind::Status), Some(answered(500, b"oh"))).await;
    let query = format!("/deliveries?webhook_id={}&status=dead", text("webhook_id"));
    let dead = caller.get(&query).await.of(StatusCode::OK);
    assert_eq!(rows(&dead)[0]["dead_reason"], "exhausted");
    assert_eq!(rows(&dead)[0]["last_status_code"], 500);

    let replay = caller.post(&format!("/deliveries/{id}/replay"), json!({})).await;
    let replayed = replay.of(StatusCode::ACCEPTED);
    assert_eq!((&replayed["status"], &replayed["round"]), (&json!("scheduled"), &json!(2)));
    let attempts = caller.get(&format!("/deliveries/{id}/attempts")).await.of(StatusCode::OK);
    assert_eq!(rows(&attempts).len(), 1);
}

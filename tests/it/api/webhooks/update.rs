//! `PUT` and `PATCH /webhooks/{id}`.

use crate::api::harness::Harness;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

async fn made(api: &Harness, key: &str) -> Value {
    let body = json!({
        "url": "https://a.example.com/",
        "events": ["a"],
        "description": "first",
        "retry_schedule": [1, 2],
        "timeout": 7,
    });
    let mut made = api.with(key).post("/webhooks", body).await.of(StatusCode::CREATED);
    made.as_object_mut().unwrap().remove("secret");
    made
}

#[tokio::test]
async fn both_verbs_keep_what_is_absent_and_answer_as_get_does() {
    let api = Harness::start().await;
    let acme = api.tenant("acme").await;
    let caller = api.with(&acme.key);
    let changes = [
        json!({}),
        json!({"url": "https://b.example.com/x"}),
        json!({"events": ["b", "c.d"]}),
        json!({"description": ""}),
        json!({"is_active": false}),
        json!({"retry_schedule": []}),
        json!({"retry_schedule": null}),
        json!({"timeout": 300}),
        json!({"timeout": null}),
        json!({"is_active": true, "timeout": 1}),
    ];
    for method in [Method::PUT, Method::PATCH] {
        let mut expected = made(&api, &acme.key).await;
        let path = format!("/webhooks/{}", expected["id"].as_str().unwrap());
        for change in &changes {
            let answer = caller.call(method.clone(), &path, Some(change.clone())).await;
            let updated = answer.of(StatusCode::OK);
            expected.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            expected["updated_at"] = updated["updated_at"].clone();
            if expected["timeout"].is_null() {
                expected["timeout"] = 15.into();
            }
            let delays = expected["retry_schedule"].as_array();
            expected["max_retries"] = delays.map_or(9, Vec::len).into();
            assert_eq!(updated, expected, "{method} {change}");
            assert_eq!(caller.get(&path).await.of(StatusCode::OK), updated);
        }
    }
}

#[tokio::test]
async fn a_change_with_any_fault_changes_nothing() {
    let api = Harness::start().await;
    let acme = api.tenant("acme").await;
    let caller = api.with(&acme.key);
    let before = made(&api, &acme.key).await;
    let path = format!("/webhooks/{}", before["id"].as_str().unwrap());
    let body = json!({"description": "second", "timeout": 0, "secret": "whsec_x", "colour": 1});
    let errors = caller.patch(&path, body).await.invalid();
    let fields: Vec<_> = errors.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(fields, ["timeout", "secret", "colour"]);
    assert_eq!(caller.get(&path).await.of(StatusCode::OK), before);
}

#[tokio::test]
async fn an_unknown_webhook_is_not_found_before_its_fields_are_read() {
    let api = Harness::start().await;
    let acme = api.tenant("acme").await;
    let answer = api.with(&acme.key).patch("/webhooks/webhook_x", json!({"timeout": 0})).await;
    answer.not_found();
}

//! `DELETE /webhooks/{id}`.

use crate::api::harness::{Harness, event, rows};
use axum::http::StatusCode;
use serde_json::json;

#[tokio::test]
async fn a_deleted_webhook_is_gone_and_its_log_stays() {
    let api = Harness::start().await;
    let acme = api.tenant("acme").await;
    let caller = api.with(&acme.key);
    let made = caller.post("/webhooks", json!({"url": "https://a.example.com/"})).await;
    let id = made.of(StatusCode::CREATED)["id"].as_str().unwrap().to_owned();
    api.publish(event(&acme, "a", "{}")).await;

    caller.delete(&format!("/webhooks/{id}")).await.no_content();
    caller.delete(&format!("/webhooks/{id}")).await.not_found();
    caller.get(&format!("/webhooks/{id}")).await.not_found();
    caller.get(&format!("/webhooks/{id}/secret")).await.not_found();
    caller.patch(&format!("/webhooks/{id}"), json!({})).await.not_found();
    let list = caller.get("/webhooks").await.of(StatusCode::OK);
    assert!(rows(&list).is_empty());

    let log = caller.get("/deliveries").await.of(StatusCode::OK);
    assert_eq!(rows(&log)[0]["webhook_id"], id.as_str());
}

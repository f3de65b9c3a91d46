//! `GET /webhooks/{id}/secret`.

use crate::api::harness::{Harness, OTHER_MASTER_KEY, client};
use axum::http::StatusCode;
use serde_json::json;
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn the_secret_is_answered_as_it_was_given() {
    let api = Harness::start().await;
    let acme = api.tenant("acme").await;
    let caller = api.with(&acme.key);
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let body = json!({"url": "https://a.example.com/", "secret": secret});
    let made = caller.post("/webhooks", body).await.of(StatusCode::CREATED);
    let path = format!("/webhooks/{}/secret", made["id"].as_str().unwrap());
    let shown = caller.get(&path).await;
    assert_eq!(shown.headers["cache-control"], "no-store");
    assert_eq!(shown.of(StatusCode::OK), json!({"secret": secret}));
}

#[tokio::test]
async fn a_secret_that_does_not_open_is_our_fault_and_says_nothing() {
    let api = Harness::start().await;
    let acme = api.tenant("acme").await;
    let body = json!({"url": "https://a.example.com/"});
    let made = api.with(&acme.key).post("/webhooks", body).await.of(StatusCode::CREATED);
    let path = format!("/webhooks/{}/secret", made["id"].as_str().unwrap());
    let other = api.api_with_master_key(OTHER_MASTER_KEY).router(CancellationToken::new());
    let answer = client(other, &acme.key).get(&path).await;
    let problem = answer.problem(StatusCode::INTERNAL_SERVER_ERROR, "internal");
    assert!(!problem.to_string().contains("master"), "{problem}");
}

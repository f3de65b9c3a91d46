//! `GET /webhooks` and `GET /webhooks/{id}`.

use crate::api::harness::{Harness, column};
use axum::http::StatusCode;
use serde_json::json;

#[tokio::test]
async fn a_webhook_is_found_by_every_form_of_its_id() {
    let api = Harness::start().await;
    let acme = api.tenant("acme").await;
    let caller = api.with(&acme.key);
    let made = caller.post("/webhooks", json!({"url": "https://a.example.com/"})).await;
    let id = made.of(StatusCode::CREATED)["id"].as_str().unwrap().to_owned();
    let bare = id.strip_prefix("webhook_").unwrap();
    for text in [id.clone(), bare.to_owned(), format!("wh_{bare}")] {
        let shown = caller.get(&format!("/webhooks/{text}")).await.of(StatusCode::OK);
        assert_eq!(shown["id"], id.as_str(), "{text}");
    }
}

#[tokio::test]
async fn what_is_no_id_names_nothing() {
    let api = Harness::start().await;
    let acme = api.tenant("acme").await;
    let caller = api.with(&acme.key);
    for text in ["x", "%20", "%00", "a%00b", "%ff", "webhook_", &"9".repeat(5000)] {
        for path in ["/webhooks", "/events", "/deliveries"] {
            caller.get(&format!("{path}/{text}")).await.not_found();
        }
    }
}

#[tokio::test]
async fn reading_never_shows_the_secret() {
    let api = Harness::start().await;
    let acme = api.tenant("acme").await;
    let caller = api.with(&acme.key);
    let made = caller.post("/webhooks", json!({"url": "https://a.example.com/"})).await;
    let made = made.of(StatusCode::CREATED);
    let (id, secret) = (made["id"].as_str().unwrap(), made["secret"].as_str().unwrap());
    for answer in [
        caller.get("/webhooks").await,
        caller.get(&format!("/webhooks/{id}")).await,
        caller.patch(&format!("/webhooks/{id}"), json!({"description": "x"})).await,
    ] {
        assert_eq!(answer.status, StatusCode::OK);
        assert!(!answer.text.contains(secret) && !answer.text.contains("\"secret\""));
    }
}

#[tokio::test]
async fn webhooks_are_listed_newest_first() {
    let api = Harness::start().await;
    let acme = api.tenant("acme").await;
    let caller = api.with(&acme.key);
    for name in ["1", "2", "3"] {
        let body = json!({"url": "https://a.example.com/", "description": name});
        caller.post("/webhooks", body).await.of(StatusCode::CREATED);
    }
    let list = caller.get("/webhooks").await.of(StatusCode::OK);
    assert_eq!(column(&list, "description"), ["3", "2", "1"]);
}

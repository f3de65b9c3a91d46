//! `GET /webhooks` and `GET /webhooks/{id}`.

use crate::api::harness::{Harness, answered, column, event};
use axum::http::StatusCode;
use postrider_common::delivery::{DeadReason, Transition};
use postrider_common::tenant::{TenantId, TenantScope};
use postrider_store::{BreakerTerms, EndpointRef};
use serde_json::{Value, json};
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

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

#[tokio::test]
async fn what_was_sent_is_counted_in_the_list_too() {
    let api = Harness::start().await;
    let acme = api.tenant_with("acme", "cathcr").await;
    let caller = api.with(&acme.key);
    let made = caller.post("/webhooks", json!({"url": "https://a.example.com/"})).await;
    let id = made.of(StatusCode::CREATED)["id"].as_str().unwrap().to_owned();
    let quiet = json!({"url": "https://b.example.com/", "events": ["other"]});
    caller.post("/webhooks", quiet).await.of(StatusCode::CREATED);
    let dead = Transition::Dead { reason: DeadReason::Exhausted, disable: None };
    for transition in [Transition::Delivered, dead] {
        api.publish(event(&acme, "a", "{}")).await;
        let list = caller.get("/deliveries?limit=1").await.of(StatusCode::OK);
        let delivery = column(&list, "id")[0].clone();
        api.attempt(&delivery, transition, None, Some(answered(200, b""))).await;
    }
    let shown = caller.get(&format!("/webhooks/{id}")).await.of(StatusCode::OK);
    assert_eq!((&shown["delivery_count"], &shown["failure_count"]), (&json!(2), &json!(1)));
    let began = shown["last_delivery"].as_str().unwrap();
    assert!(began.len() == 20 && began.ends_with('Z'), "{began}");
    let list = caller.get("/webhooks").await.of(StatusCode::OK);
    assert_eq!(list["data"][1], shown);
    assert_eq!(list["data"][0]["delivery_count"], 0);
    assert_eq!(list["data"][0]["last_delivery"], json!(null));
}

/// By the one that is down and by nobody else, in the list as well.
#[tokio::test]
async fn a_receiver_that_is_down_is_shown() {
    let api = Harness::start().await;
    let acme = api.tenant("acme").await;
    let caller = api.with(&acme.key);
    for name in ["down", "whole"] {
        let body = json!({"url": "https://a.example.com/", "description": name});
        caller.post("/webhooks", body).await.of(StatusCode::CREATED);
    }
    let list = caller.get("/webhooks").await.of(StatusCode::OK);
    let path = format!("/webhooks/{}", list["data"][1]["id"].as_str().unwrap());
    let scope = TenantScope::authorised(TenantId::parse(acme.id.as_str()).unwrap());
    let id = EndpointRef::new(list["data"][1]["id"].as_str().unwrap());
    let endpoint = api.store.endpoint_get(&scope, &id).await.unwrap().unwrap();
    let terms = BreakerTerms {
        rests: vec![Duration::from_secs(40)],
        give_up_after: Duration::from_secs(1),
        probe_within: Duration::from_secs(1),
    };
    api.store.breaker_open(endpoint.id, endpoint.version, &terms).await.unwrap();

    let shown = caller.get(&path).await.of(StatusCode::OK)["breaker"].clone();
    let time = |name: &str| OffsetDateTime::parse(shown[name].as_str().unwrap(), &Rfc3339).unwrap();
    assert_eq!(shown["state"], "open");
    assert_eq!(time("next_probe_at") - time("since"), time::Duration::seconds(40));
    let list = caller.get("/webhooks").await.of(StatusCode::OK);
    assert_eq!(list["data"][1]["breaker"], shown);
    assert_eq!(list["data"][0]["breaker"], Value::Null);

    caller.patch(&path, json!({"is_active": true})).await.of(StatusCode::OK);
    assert_eq!(caller.get(&path).await.of(StatusCode::OK)["breaker"], Value::Null);
}

//! `POST /webhooks`.

use super::keys;
use crate::api::harness::{Harness, MAX_ENDPOINTS};
use axum::http::StatusCode;
use postrider_contract::Contracts;
use secrecy::SecretString;
use serde_json::{Value, json};

const URL: &str = "https://hooks.example.com/in";

#[tokio::test]
async fn a_url_is_all_it_takes() {
    let api = Harness::start().await;
    let acme = api.tenant("acme").await;
    let answer = api.with(&acme.key).post("/webhooks", json!({"url": URL})).await;
    let order = ["id", "url", "secret", "events", "is_active", "max_retries", "timeout"];
    assert_eq!(keys(&answer.text)[..order.len()], order);

    let made = answer.of(StatusCode::CREATED);
    assert_eq!(made["url"], URL);
    assert_eq!(made["events"], json!(["*"]));
    assert_eq!(made["is_active"], true);
    assert_eq!(made["description"], "");
    assert_eq!((&made["timeout"], &made["max_retries"]), (&json!(15), &json!(9)));
    for absent in ["retry_schedule", "disabled", "breaker", "last_delivery", "secret_rotation"] {
        assert_eq!(made[absent], Value::Null, "{absent}");
    }
    assert!(made["id"].as_str().unwrap().starts_with("webhook_"));
    let secret = SecretString::from(made["secret"].as_str().unwrap());
    Contracts::built_in().default_contract().signing_key(&secret).unwrap();
}

#[tokio::test]
async fn every_field_is_kept() {
    let api = Harness::start().await;
    let acme = api.tenant("acme").await;
    let body = json!({
        "url": URL,
        "events": ["b.c", "a"],
        "description": "two\nlines",
        "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "is_active": false,
        "retry_schedule": [0, 2_592_000],
        "timeout": 300,
    });
    let caller = api.with(&acme.key);
    let made = caller.post("/webhooks", body.clone()).await.of(StatusCode::CREATED);
    for (key, value) in body.as_object().unwrap() {
        assert_eq!(&made[key], value, "{key}");
    }
    let path = format!("/webhooks/{}", made["id"].as_str().unwrap());
    let mut shown = made;
    shown.as_object_mut().unwrap().remove("secret");
    assert_eq!(caller.get(&path).await.of(StatusCode::OK), shown);
}

#[tokio::test]
async fn null_stands_for_the_contracts_own() {
    let api = Harness::start().await;
    let acme = api.tenant("acme").await;
    let body = json!({"url": URL, "retry_schedule": null, "timeout": null});
    let made = api.with(&acme.key).post("/webhooks", body).await.of(StatusCode::CREATED);
    assert_eq!((&made["retry_schedule"], &made["timeout"]), (&Value::Null, &json!(15)));
}

#[tokio::test]
async fn every_bad_field_is_named_with_its_rule() {
    let api = Harness::start().await;
    let acme = api.tenant("acme").await;
    let too_many_names: Vec<_> = (0..201).map(|n| format!("t{n}")).collect();
    let cases = [
        (json!({"events": []}), "events", "at least one"),
        (json!({"events": "*"}), "events", "list of strings"),
        (json!({"events": ["a", 1]}), "events", "list of strings"),
        (json!({"events": ["a.*"]}), "events", "a.*"),
        (json!({"events": ["a", "a"]}), "events", "twice"),
        (json!({"events": too_many_names}), "events", "at most 200"),
        (json!({"events": null}), "events", "list of strings"),
        (json!({"description": 1}), "description", "string"),
        (json!({"description": "a\u{0}"}), "description", "NUL"),
        (json!({"description": "x".repeat(1001)}), "description", "1000"),
        (json!({"secret": "hush"}), "secret", "whsec_"),
        (json!({"secret": "whsec_*"}), "secret", "base64"),
        (json!({"secret": "whsec_AAAA"}), "secret", "24 to 64"),
        (json!({"is_active": "true"}), "is_active", "true or false"),
        (json!({"timeout": 0}), "timeout", "1 to 300"),
        (json!({"timeout": 301}), "timeout", "1 to 300"),
        (json!({"timeout": 1.5}), "timeout", "whole"),
        (json!({"timeout": "10"}), "timeout", "whole"),
        (json!({"retry_schedule": 5}), "retry_schedule", "list"),
        (json!({"retry_schedule": [-1]}), "retry_schedule", "whole seconds"),
        (json!({"retry_schedule": [2_592_001]}), "retry_schedule", "30 days"),
        (json!({"retry_schedule": [5_000_000_000_u64]}), "retry_schedule", "30 days"),
        (json!({"retry_schedule": vec![1; 51]}), "retry_schedule", "at most 50"),
        (json!({"active": true}), "active", "not known"),
        (json!({"id": "webhook_1"}), "id", "not known"),
    ];
    let caller = api.with(&acme.key);
    for (change, name, part) in cases {
        let mut body = json!({"url": URL});
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let errors = caller.post("/webhooks", body).await.invalid();
        let [(field, rule)] = &errors[..] else { panic!("{change}: {errors:?}") };
        assert!(field == name && rule.contains(part), "{change}: {errors:?}");
    }
    let list = caller.get("/webhooks").await.of(StatusCode::OK);
    assert_eq!(list["data"], json!([]));
}

#[tokio::test]
async fn all_faults_are_named_at_once_and_the_secret_is_not_repeated() {
    let api = Harness::start().await;
    let acme = api.tenant("acme").await;
    let body = json!({"secret": "hush-hush", "timeout": 0, "events": [], "colour": "red"});
    let answer = api.with(&acme.key).post("/webhooks", body).await;
    assert!(!answer.text.contains("hush"));
    let mut fields: Vec<_> = answer.invalid().into_iter().map(|(field, _)| field).collect();
    fields.sort();
    assert_eq!(fields, ["colour", "events", "secret", "timeout", "url"]);
}

#[tokio::test]
async fn a_tenant_has_as_many_as_it_may_have() {
    let api = Harness::start().await;
    let (acme, other) = (api.tenant("acme").await, api.tenant("other").await);
    let caller = api.with(&acme.key);
    for _ in 0..MAX_ENDPOINTS {
        caller.post("/webhooks", json!({"url": URL})).await.of(StatusCode::CREATED);
    }
    let answer = caller.post("/webhooks", json!({"url": URL})).await;
    answer.problem(StatusCode::CONFLICT, "endpoint-limit");
    api.with(&other.key).post("/webhooks", json!({"url": URL})).await.of(StatusCode::CREATED);
}

//! `POST /webhooks/{id}/pause`, `resume` and `enable`.

use super::{URL, made, refused};
use crate::api::harness::{Harness, answered, event, rows};
use axum::http::{Method, StatusCode};
use postrider_common::attempt::FailureKind;
use postrider_common::delivery::{DeadReason, Transition};
use postrider_common::endpoint::DisableReason;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

#[tokio::test]
async fn each_may_be_asked_twice_and_needs_no_body() {
    let api = Harness::start().await;
    let acme = api.tenant_with("acme", "cathcr").await;
    let caller = api.with(&acme.key);
    let (_, path) = made(&caller, json!({})).await;
    for (verb, active) in [("pause", false), ("resume", true), ("pause", false), ("enable", true)] {
        for _ in 0..2 {
            let answer = caller.call(Method::POST, &format!("{path}/{verb}"), None).await;
            let answer = answer.of(StatusCode::OK);
            assert_eq!(answer["active"], active, "{verb}");
            assert_eq!(caller.get(&path).await.of(StatusCode::OK), answer);
        }
    }
    for verb in ["pause", "resume", "enable"] {
        caller.call(Method::POST, &format!("/webhooks/x/{verb}"), None).await.not_found();
    }
}

#[tokio::test]
async fn what_was_switched_off_goes_on() {
    let api = Harness::start().await;
    let acme = api.tenant("acme").await;
    let caller = api.with(&acme.key);
    for verb in ["enable", "resume"] {
        let (_, path) = made(&caller, json!({})).await;
        api.publish(event(&acme, "a", "{}")).await;
        let list = caller.get("/deliveries?limit=1").await.of(StatusCode::OK);
        let delivery = rows(&list)[0]["id"].as_str().unwrap().to_owned();
        let gone =
            Transition::Dead { reason: DeadReason::Gone, disable: Some(DisableReason::Gone) };
        api.attempt(&delivery, gone, None, Some(answered(410, b""))).await;
        let off = caller.get(&path).await.of(StatusCode::OK);
        assert_eq!(off["disabled"]["reason"], "gone", "{off}");
        assert_eq!(off["is_active"], false, "{off}");
        let on = caller.call(Method::POST, &format!("{path}/{verb}"), None).await;
        let on = on.of(StatusCode::OK);
        assert_eq!((&on["disabled"], &on["is_active"]), (&Value::Null, &json!(true)), "{verb}");
        caller.delete(&path).await.no_content();
    }
}

#[tokio::test]
async fn one_that_was_switched_off_shows_when_it_is_probed() {
    let api = Harness::start().await;
    let acme = api.tenant("acme").await;
    let caller = api.with(&acme.key);
    assert_eq!(made(&caller, json!({"url": URL, "events": ["b"]})).await.0["auto_enable"], false);
    let (webhook, path) = made(&caller, json!({"auto_enable": true})).await;
    assert_eq!((&webhook["auto_enable"], &webhook["disabled"]), (&json!(true), &Value::Null));
    api.publish(event(&acme, "a", "{}")).await;
    let list = caller.get("/deliveries?limit=1").await.of(StatusCode::OK);
    let delivery = rows(&list)[0]["id"].as_str().unwrap().to_owned();
    let disable = Some(DisableReason::Exhausted);
    let exhausted = Transition::Dead { reason: DeadReason::Exhausted, disable };
    api.attempt(&delivery, exhausted, Some(FailureKind::Status), Some(answered(500, b""))).await;

    let off = caller.get(&path).await.of(StatusCode::OK);
    let at = |value: &Value| OffsetDateTime::parse(value.as_str().unwrap(), &Rfc3339).unwrap();
    let rest = at(&off["disabled"]["next_probe_at"]) - at(&off["disabled"]["at"]);
    assert_eq!(rest, time::Duration::minutes(5), "{off}");
    for (change, is_probed) in [
        (json!({"auto_enable": false}), false),
        (json!({"auto_enable": true}), true),
        (json!({"is_active": false}), false),
    ] {
        let changed = caller.patch(&path, change.clone()).await.of(StatusCode::OK);
        assert_eq!(changed["disabled"]["reason"], "exhausted");
        assert_eq!(changed["disabled"]["next_probe_at"].is_string(), is_probed, "{change}");
    }
    for value in [json!(null), json!("yes"), json!(1)] {
        let (field, rule) = refused(caller.patch(&path, json!({"auto_enable": value})).await);
        assert_eq!((field.as_str(), rule.as_str()), ("auto_enable", "must be true or false"));
    }
}

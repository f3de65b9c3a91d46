//! `POST /webhooks/{id}/secret/rotate` and `activate`.

use super::{made, refused};
use crate::api::harness::Harness;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

const NEW: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
/// An Ed25519 key pair, and its public half.
const PAIR: &str =
    "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";
const PUBLIC: &str = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=";

#[tokio::test]
async fn both_secrets_are_valid_until_the_new_one_is_activated() {
    let api = Harness::start().await;
    let caller = api.with(&api.tenant("acme").await.key);
    let (webhook, path) = made(&caller, json!({})).await;
    assert_eq!(webhook["secret_rotation"], Value::Null);
    let body = json!({"secret": NEW, "overlap_seconds": 604_800});
    let rotated = caller.post(&format!("{path}/secret/rotate"), body).await.of(StatusCode::OK);
    assert_eq!(rotated["secret"], NEW);
    assert_eq!(rotated["previous_secret"], webhook["secret"]);
    let secret = format!("{path}/secret");
    assert_eq!(caller.get(&secret).await.of(StatusCode::OK), rotated);
    let shown = caller.get(&path).await;
    assert!(!shown.text.contains(NEW));
    let shown = shown.of(StatusCode::OK);
    assert_eq!(shown["secret_rotation"]["ends_at"], rotated["previous_until"]);

    for _ in 0..2 {
        let activated = caller.call(Method::POST, &format!("{secret}/activate"), None).await;
        let activated = activated.of(StatusCode::OK);
        assert_eq!(activated["secret_rotation"], Value::Null);
        assert_eq!(activated.get("secret"), None);
        assert_eq!(caller.get(&secret).await.of(StatusCode::OK), json!({ "secret": NEW }));
    }
}

#[tokio::test]
async fn a_secret_is_generated_in_the_contracts_form_and_no_body_is_needed() {
    let api = Harness::start().await;
    let caller = api.with(&api.tenant_with("acme", "leads").await.key);
    let (webhook, path) = made(&caller, json!({})).await;
    let rotated = caller.call(Method::POST, &format!("{path}/secret/rotate"), None).await;
    let rotated = rotated.of(StatusCode::OK);
    assert!(rotated["secret"].as_str().unwrap().starts_with("whsec_"), "{rotated}");
    assert_ne!(rotated["secret"], webhook["secret"]);
    assert_eq!(rotated["previous_secret"], webhook["secret"]);
}

#[tokio::test]
async fn a_second_rotation_waits_for_the_first_unless_it_is_at_once() {
    let api = Harness::start().await;
    let caller = api.with(&api.tenant("acme").await.key);
    let (webhook, path) = made(&caller, json!({})).await;
    let rotate = format!("{path}/secret/rotate");
    let first = caller.post(&rotate, json!({})).await.of(StatusCode::OK);
    let problem = caller.post(&rotate, json!({"overlap_seconds": 1})).await;
    let problem = problem.problem(StatusCode::CONFLICT, "rotation-under-way");
    let detail = problem["detail"].as_str().unwrap();
    let until = first["previous_until"].as_str().unwrap();
    assert!(detail.contains(until) && detail.contains("secret/activate"), "{detail}");
    let secrets = caller.get(&format!("{path}/secret")).await.of(StatusCode::OK);
    assert_eq!(secrets, first, "nothing is changed");
    assert_ne!(first["secret"], webhook["secret"]);
    let body = json!({"secret": NEW, "overlap_seconds": 0});
    let at_once = caller.post(&rotate, body).await.of(StatusCode::OK);
    assert_eq!(at_once, json!({ "secret": NEW }));
}

#[tokio::test]
async fn an_ed25519_secret_comes_with_its_public_key() {
    let api = Harness::start().await;
    let caller = api.with(&api.tenant("acme").await.key);
    let (webhook, path) = made(&caller, json!({"secret": PAIR})).await;
    assert_eq!(webhook["public_key"], PUBLIC);
    let secrets = caller.get(&format!("{path}/secret")).await.of(StatusCode::OK);
    assert_eq!(secrets, json!({"secret": PAIR, "public_key": PUBLIC}));
    let (_, path) = made(&caller, json!({})).await;
    let rotated = caller.post(&format!("{path}/secret/rotate"), json!({"secret": PAIR})).await;
    assert_eq!(rotated.of(StatusCode::OK)["public_key"], PUBLIC);
}

#[tokio::test]
async fn what_breaks_a_rule_rotates_nothing() {
    let api = Harness::start().await;
    let caller = api.with(&api.tenant("acme").await.key);
    let (webhook, path) = made(&caller, json!({})).await;
    let rotate = format!("{path}/secret/rotate");
    let cases = [
        (json!({"secret": "hush"}), "secret", "whsec_"),
        (json!({"secret": null}), "secret", "string"),
        (json!({"overlap_seconds": -1}), "overlap_seconds", "from 0 to 604800"),
        (json!({"overlap_seconds": 604_801}), "overlap_seconds", "from 0 to 604800"),
        (json!({"overlap_seconds": "1"}), "overlap_seconds", "whole number"),
        (json!({"overlap": 1}), "overlap", "not known"),
    ];
    for (body, name, part) in cases {
        let (field, rule) = refused(caller.post(&rotate, body.clone()).await);
        assert!(field == name && rule.contains(part), "{body}: {field}: {rule}");
    }
    let secrets = caller.get(&format!("{path}/secret")).await.of(StatusCode::OK);
    assert_eq!(secrets, json!({ "secret": webhook["secret"] }));
    caller.post("/webhooks/x/secret/rotate", json!({})).await.not_found();
    caller.call(Method::POST, "/webhooks/x/secret/activate", None).await.not_found();
}

#[tokio::test]
async fn a_secret_that_is_set_ends_a_rotation() {
    let api = Harness::start().await;
    let caller = api.with(&api.tenant("acme").await.key);
    let (_, path) = made(&caller, json!({})).await;
    caller.post(&format!("{path}/secret/rotate"), json!({})).await.of(StatusCode::OK);
    let set = caller.patch(&path, json!({"secret": NEW})).await;
    assert!(!set.text.contains(NEW), "changing answers no secret");
    assert_eq!(set.of(StatusCode::OK)["secret_rotation"], Value::Null);
    let secrets = caller.get(&format!("{path}/secret")).await.of(StatusCode::OK);
    assert_eq!(secrets, json!({ "secret": NEW }));
}

//! Whose words a call is in: those of the tenant's contract, on every base path; an admin's are the same
//! for every tenant.

use super::{URL, keys, made, refused};
use crate::api::harness::{Harness, Tenant};
use axum::http::{Method, StatusCode};
use serde_json::json;

const ADMINS: &[&str] = &["id", "url", "events", "is_active", "max_retries", "timeout"];

async fn tenants(api: &Harness) -> [(Tenant, &'static str, &'static str); 3] {
    [
        (api.tenant_with("a", "cathcr").await, "active", "is_active"),
        (api.tenant_with("b", "leads").await, "is_active", "active"),
        (api.tenant_with("c", "standard-webhooks").await, "is_active", "active"),
    ]
}

#[tokio::test]
async fn the_tenants_word_is_taken_and_shown_on_every_base_path() {
    let api = Harness::start().await;
    for (tenant, word, other) in tenants(&api).await {
        let caller = api.with(&tenant.key);
        for base in ["/webhooks", "/api/v1/webhooks", "/v2/webhooks"] {
            let body = json!({ "url": URL, word: false }).to_string();
            let made = caller.call_at(Method::POST, base, Some(body)).await;
            let made = made.of(StatusCode::CREATED);
            assert_eq!((&made[word], made.get(other)), (&json!(false), None), "{base}");
            let path = format!("{base}/{}", made["id"].as_str().unwrap());
            let body = json!({ word: true }).to_string();
            for method in [Method::PATCH, Method::PUT] {
                let changed = caller.call_at(method, &path, Some(body.clone())).await;
                assert_eq!(changed.of(StatusCode::OK)[word], true, "{base}");
            }
        }
    }
}

#[tokio::test]
async fn the_other_word_is_refused_with_the_right_one() {
    let api = Harness::start().await;
    for (tenant, word, other) in tenants(&api).await {
        let caller = api.with(&tenant.key);
        let (_, path) = made(&caller, json!({})).await;
        let alone = format!("is not known here: it is called `{word}`");
        let beside = format!("must not stand beside `{word}`, which says the same");
        for (given, rule) in
            [(json!({ other: true }), alone), (json!({ other: true, word: true }), beside)]
        {
            let expected = (other.to_owned(), rule);
            assert_eq!(refused(caller.patch(&path, given.clone()).await), expected);
            let mut body = given;
            body["url"] = URL.into();
            assert_eq!(refused(caller.post("/webhooks", body).await), expected);
        }
    }
}

#[tokio::test]
async fn an_admins_words_are_the_same_for_every_tenant() {
    let api = Harness::start().await;
    for (tenant, word, _) in tenants(&api).await {
        let (_, path) = made(&api.with(&tenant.key), json!({})).await;
        let path = format!("{path}?tenant_id={}", tenant.id);
        let shown = api.admin().get(&path).await;
        assert_eq!(keys(&shown.text)[..ADMINS.len()], *ADMINS);
        let paused = api.admin().patch(&path, json!({"is_active": false})).await;
        assert_eq!(paused.of(StatusCode::OK)["is_active"], false);
        let errors = refused(api.admin().patch(&path, json!({"active": true})).await);
        assert_eq!(errors.0, "active");
        let list = api.with(&tenant.key).get("/webhooks").await.of(StatusCode::OK);
        assert_eq!(list["data"][0][word], false);
    }
}

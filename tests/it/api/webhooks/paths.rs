//! Under which paths webhooks are.

use super::{URL, acme};
use crate::api::harness::Harness;
use axum::http::{Method, StatusCode};
use serde_json::json;

const BASES: [&str; 3] = ["/webhooks", "/api/v1/webhooks", "/v2/webhooks"];

#[tokio::test]
async fn every_base_path_serves_every_tenant_with_and_without_a_slash() {
    let api = Harness::start().await;
    for (id, contract) in [("a", "attribution"), ("b", "leads"), ("c", "platform"), ("d", "svix")] {
        let tenant = api.tenant_with(id, contract).await;
        let caller = api.with(&tenant.key);
        for (base, slash) in BASES.into_iter().flat_map(|base| [(base, ""), (base, "/")]) {
            let body = Some(json!({ "url": URL }).to_string());
            let path = format!("{base}{slash}");
            let made = caller.call_at(Method::POST, &path, body).await.of(StatusCode::CREATED);
            let one = format!("{base}/{}", made["id"].as_str().unwrap());
            for below in ["", "/secret"] {
                let path = format!("{one}{below}{slash}");
                let answer = caller.call_at(Method::GET, &path, None).await;
                assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
            }
            let path = format!("{base}{slash}?limit=1");
            let list = caller.call_at(Method::GET, &path, None).await.of(StatusCode::OK);
            assert_eq!(list["data"][0]["id"], made["id"], "{path}");
            caller.call_at(Method::DELETE, &format!("{one}{slash}"), None).await.no_content();
        }
    }
}

#[tokio::test]
async fn other_paths_stay_where_they_are() {
    let api = Harness::start().await;
    let acme = api.tenant("acme").await;
    let caller = api.with(&acme.key);
    for path in ["/api/v1/events/", "/api/v1/deliveries/?limit=3", "/livez/"] {
        let answer = caller.call_at(Method::GET, path, None).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
    }
    let nowhere = [
        "/events",
        "/v2/events",
        "/v1/webhooks",
        "/webhooksx",
        "/v2/webhooks-x",
        "/webhooks//",
        "//webhooks",
        "/webhooks/webhooks",
        "/webhooks/v2/webhooks",
        "/api/v1/api/v1/webhooks",
        "/",
    ];
    for path in nowhere {
        caller.call_at(Method::GET, path, None).await.not_found();
    }
    let answer = caller.call_at(Method::DELETE, "/v2/webhooks/", None).await;
    answer.problem(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed");
}

#[tokio::test]
async fn an_own_contracts_base_path_serves_every_tenant_too() {
    let api = Harness::start_with_contract(acme()).await;
    let (own, other) = (api.tenant_with("acme", "acme").await, api.tenant("other").await);
    for tenant in [own, other] {
        let caller = api.with(&tenant.key);
        let body = Some(json!({ "url": URL }).to_string());
        let made = caller.call_at(Method::POST, "/hooks/", body).await.of(StatusCode::CREATED);
        let path = format!("/hooks/{}", made["id"].as_str().unwrap());
        assert_eq!(caller.call_at(Method::GET, &path, None).await.of(StatusCode::OK)["url"], URL);
        caller.call_at(Method::GET, "/hooksmith", None).await.not_found();
    }
}

#[tokio::test]
async fn no_contract_takes_a_path_that_is_postriders_own() {
    for base_path in ["/api", "/api/v1", "/api/v1/tenants", "/livez", "/metrics"] {
        let line = format!("base_path = \"{base_path}\"");
        let api =
            Harness::start_with_contract(&acme().replace("base_path = \"/hooks\"", &line)).await;
        let tenant = api.tenant_with("acme", "acme").await;
        for path in ["/api/v1/tenants/acme", "/livez", "/metrics", "/api/v1/webhooks"] {
            let caller = if path.contains("tenants") { api.admin() } else { api.with(&tenant.key) };
            let answer = caller.call_at(Method::GET, path, None).await;
            assert_eq!(answer.status, StatusCode::OK, "{base_path}: {path}: {}", answer.text);
        }
    }
}

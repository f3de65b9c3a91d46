//! API keys: made, shown once, listed, revoked.

use super::harness::{Harness, column, rows};
use axum::http::StatusCode;
use serde_json::{Value, json};

#[tokio::test]
async fn a_key_is_shown_once() {
    let api = Harness::start().await;
    api.tenant("acme").await;
    let body = json!({"name": "backend", "scopes": ["read", "events:write"]});
    let made = api.admin().post("/tenants/acme/api-keys", body).await.of(StatusCode::CREATED);
    let key = made["key"].as_str().unwrap();
    assert!(key.starts_with(made["prefix"].as_str().unwrap()));
    assert_eq!(made["scopes"], json!(["read", "events:write"]));

    let answer = api.admin().get("/tenants/acme/api-keys").await;
    assert!(!answer.text.contains(key));
    let list = answer.of(StatusCode::OK);
    assert_eq!(column(&list, "name"), ["backend", "test"]);
    let shown = &rows(&list)[0];
    assert_eq!((&shown["id"], &shown["revoked_at"]), (&made["id"], &Value::Null));
    assert_eq!(shown["scopes"], made["scopes"]);
    assert!(shown.get("key").is_none());
}

#[tokio::test]
async fn a_key_is_revoked_for_good() {
    let api = Harness::start().await;
    api.tenant("acme").await;
    api.tenant("other").await;
    let admin = api.admin();
    let list = admin.get("/tenants/acme/api-keys").await.of(StatusCode::OK);
    let id = rows(&list)[0]["id"].as_str().unwrap().to_owned();

    admin.delete(&format!("/tenants/other/api-keys/{id}")).await.not_found();
    admin.delete("/tenants/acme/api-keys/nonsense").await.not_found();
    for _ in 0..2 {
        admin.delete(&format!("/tenants/acme/api-keys/{id}")).await.no_content();
    }
    let list = admin.get("/tenants/acme/api-keys").await.of(StatusCode::OK);
    assert!(rows(&list)[0]["revoked_at"].is_string());
}

#[tokio::test]
async fn a_tenant_that_is_not_there_has_no_keys() {
    let api = Harness::start().await;
    let body = json!({"name": "x", "scopes": ["*"]});
    api.admin().get("/tenants/nobody/api-keys").await.not_found();
    api.admin().post("/tenants/nobody/api-keys", body).await.not_found();
}

#[tokio::test]
async fn every_bad_field_is_named_with_its_rule() {
    let api = Harness::start().await;
    api.tenant("acme").await;
    let cases = [
        (json!({"scopes": ["*"]}), "name", "is required"),
        (json!({"name": "x"}), "scopes", "is required"),
        (json!({"name": "x", "scopes": []}), "scopes", "at least one"),
        (json!({"name": "x", "scopes": "*"}), "scopes", "list of strings"),
        (json!({"name": "x", "scopes": [1]}), "scopes", "list of strings"),
        (json!({"name": "x", "scopes": ["admin"]}), "scopes", "webhooks:write"),
        (json!({"name": "x", "scopes": ["read", "read"]}), "scopes", "once"),
        (json!({"name": "x", "scopes": ["*"], "key": "mine"}), "key", "not known"),
    ];
    for (body, name, part) in cases {
        let errors = api.admin().post("/tenants/acme/api-keys", body).await.invalid();
        let [(field, rule)] = &errors[..] else { panic!("{errors:?}") };
        assert!(field == name && rule.contains(part), "{errors:?}");
    }
}

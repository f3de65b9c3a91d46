//! Tenants: made, read, listed.

use super::harness::{Harness, column};
use axum::http::StatusCode;
use serde_json::{Value, json};

#[tokio::test]
async fn a_tenant_is_made_once_and_read() {
    let api = Harness::start().await;
    let admin = api.admin();
    let body = json!({"id": "acme", "name": "Acme Ltd"});
    let made = admin.post("/tenants", body.clone()).await.of(StatusCode::CREATED);
    assert_eq!(made["contract"], "standard-webhooks");
    assert_eq!(admin.get("/tenants/acme").await.of(StatusCode::OK), made);
    admin.post("/tenants", body).await.problem(StatusCode::CONFLICT, "tenant-exists");
    admin.get("/tenants/nobody").await.not_found();
    admin.get("/tenants/a.b").await.not_found();
}

#[tokio::test]
async fn every_bad_field_is_named_with_its_rule() {
    let api = Harness::start().await;
    let good = json!({"id": "acme", "name": "Acme"});
    let cases: [(Value, &[(&str, &str)]); 9] = [
        (json!({}), &[("id", "is required"), ("name", "is required")]),
        (json!({"id": "a b"}), &[("id", "A-Z, a-z, 0-9")]),
        (json!({"id": "x".repeat(65)}), &[("id", "1 to 64")]),
        (json!({"id": 7}), &[("id", "must be a string")]),
        (json!({"name": " "}), &[("name", "1 to 200")]),
        (json!({"name": "a\u{0}b"}), &[("name", "control")]),
        (json!({"name": "x".repeat(201), "id": null}), &[("id", "string"), ("name", "1 to 200")]),
        (json!({"contract": "fax"}), &[("contract", "standard-webhooks")]),
        (json!({"plan": 1, "Name": 2}), &[("Name", "not known"), ("plan", "not known")]),
    ];
    for (change, expected) in cases {
        let mut body = if change == json!({}) { json!({}) } else { good.clone() };
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let errors = api.admin().post("/tenants", body).await.invalid();
        assert_eq!(errors.len(), expected.len(), "{errors:?}");
        for ((field, rule), (name, part)) in errors.iter().zip(expected) {
            assert!(field == name && rule.contains(part), "{errors:?}");
        }
    }
    api.admin().get("/tenants/acme").await.not_found();
}

#[tokio::test]
async fn tenants_are_listed_in_pages() {
    let api = Harness::start().await;
    let admin = api.admin();
    for id in ["c", "a", "e", "b", "d"] {
        let body = json!({"id": id, "name": id});
        admin.post("/tenants", body).await.of(StatusCode::CREATED);
    }
    let mut seen = Vec::new();
    let mut path = "/tenants?limit=2".to_owned();
    loop {
        let page = admin.get(&path).await.of(StatusCode::OK);
        seen.push(column(&page, "id"));
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("/tenants?limit=2&cursor={cursor}");
    }
    assert_eq!(seen, [vec!["a", "b"], vec!["c", "d"], vec!["e"]]);
}

//! Who may call what: keys, scopes, and the walls between tenants.

use super::harness::{ADMIN, Harness, event, rows};
use super::openapi;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Every operation of a tenant, with the scope that it needs.
const TENANT_OPERATIONS: [(Method, &str, &str); 39] = [
    (Method::GET, "/webhooks", "read"),
    (Method::POST, "/webhooks", "webhooks:write"),
    (Method::GET, "/webhooks/x", "read"),
    (Method::PUT, "/webhooks/x", "webhooks:write"),
    (Method::PATCH, "/webhooks/x", "webhooks:write"),
    (Method::DELETE, "/webhooks/x", "webhooks:write"),
    (Method::POST, "/webhooks/x/pause", "webhooks:write"),
    (Method::POST, "/webhooks/x/resume", "webhooks:write"),
    (Method::POST, "/webhooks/x/enable", "webhooks:write"),
    (Method::GET, "/webhooks/x/secret", "webhooks:write"),
    (Method::POST, "/webhooks/x/secret/rotate", "webhooks:write"),
    (Method::POST, "/webhooks/x/secret/activate", "webhooks:write"),
    (Method::POST, "/webhooks/x/test", "webhooks:write"),
    (Method::POST, "/webhooks/test", "webhooks:write"),
    (Method::GET, "/webhooks/x/deliveries", "read"),
    (Method::GET, "/webhooks/deliveries/", "read"),
    (Method::GET, "/webhooks/x/logs", "read"),
    (Method::POST, "/webhooks/x/replay/x", "webhooks:write"),
    (Method::GET, "/events", "read"),
    (Method::GET, "/events/x", "read"),
    (Method::DELETE, "/events/x/payload", "webhooks:write"),
    (Method::POST, "/events/x/cancel", "webhooks:write"),
    (Method::GET, "/deliveries", "read"),
    (Method::GET, "/deliveries/x", "read"),
    (Method::GET, "/deliveries/x/attempts", "read"),
    (Method::POST, "/deliveries/x/cancel", "webhooks:write"),
    (Method::POST, "/deliveries/x/replay", "webhooks:write"),
    (Method::GET, "/replays", "read"),
    (Method::POST, "/replays", "webhooks:write"),
    (Method::GET, "/replays/x", "read"),
    (Method::POST, "/replays/x/pause", "webhooks:write"),
    (Method::POST, "/replays/x/resume", "webhooks:write"),
    (Method::POST, "/replays/x/cancel", "webhooks:write"),
    (Method::GET, "/dead-letters", "read"),
    (Method::GET, "/dead-letters/count", "read"),
    (Method::POST, "/dead-letters/replay", "webhooks:write"),
    (Method::POST, "/dead-letters/discard", "webhooks:write"),
    (Method::POST, "/dead-letters/x/replay", "webhooks:write"),
    (Method::POST, "/dead-letters/x/discard", "webhooks:write"),
];

const ADMIN_OPERATIONS: [(Method, &str); 8] = [
    (Method::GET, "/tenants"),
    (Method::POST, "/tenants"),
    (Method::GET, "/tenants/acme"),
    (Method::PATCH, "/tenants/acme"),
    (Method::POST, "/tenants/acme/import"),
    (Method::GET, "/tenants/acme/api-keys"),
    (Method::POST, "/tenants/acme/api-keys"),
    (Method::DELETE, "/tenants/acme/api-keys/x"),
];

fn operations() -> impl Iterator<Item = (Method, &'static str)> {
    let tenants = TENANT_OPERATIONS.into_iter().map(|(method, path, _)| (method, path));
    tenants.chain(ADMIN_OPERATIONS)
}

#[test]
fn the_operations_are_those_of_the_document() {
    let listed: BTreeSet<_> =
        operations().map(|(method, path)| (method.to_string(), path.to_owned())).collect();
    let mut documented = BTreeSet::new();
    for (path, methods) in openapi::operations() {
        // Of any key's, and in no tenant's name.
        let Some(path) = path.strip_prefix("/api/v1").filter(|path| *path != "/egress-ips") else {
            continue;
        };
        let path = openapi::concrete(&path.replace("{tenant_id}", "acme"));
        documented.extend(methods.into_iter().map(|method| (method.to_string(), path.clone())));
    }
    assert_eq!(listed, documented);
}

/// Who asks for a dry run where there is none must not get the real one.
#[tokio::test]
async fn parameters_that_a_call_does_not_have_are_refused() {
    let api = Harness::start().await;
    let acme = api.tenant("acme").await;
    let (caller, admin) = (api.with(&acme.key), api.admin());
    let of_tenant = TENANT_OPERATIONS.into_iter().map(|(method, path, _)| (&caller, method, path));
    let of_admin = ADMIN_OPERATIONS.into_iter().map(|(method, path)| (&admin, method, path));
    let of_any = [(&caller, Method::GET, "/egress-ips")];
    for (caller, method, path) in of_tenant.chain(of_admin).chain(of_any) {
        let uri = format!("{path}?dry_runs=true");
        let errors = caller.call(method.clone(), &uri, Some(json!({}))).await.bad_parameters();
        assert_eq!(errors[0].0, "dry_runs", "{method} {path}");
    }
    let bodyless = caller.call(Method::POST, "/dead-letters/replay?dry_run=true", None).await;
    assert_eq!(bodyless.bad_parameters()[0].0, "dry_run");
}

#[tokio::test]
async fn without_a_valid_key_nothing_is_answered() {
    let api = Harness::start().await;
    let acme = api.tenant("acme").await;
    let mut almost = acme.key.clone();
    almost.replace_range(acme.key.len() - 4.., "____");
    let unknown = format!("prk_000000000000_{}", "x".repeat(43));
    for key in ["", "nonsense", &almost, &unknown, &ADMIN[1..]] {
        for (method, path) in operations() {
            let answer = api.with(key).call(method, path, Some(json!({}))).await;
            assert_eq!(answer.headers[header::WWW_AUTHENTICATE], "Bearer");
            answer.problem(StatusCode::UNAUTHORIZED, "unauthorised");
        }
    }
}

#[tokio::test]
async fn a_key_is_taken_from_either_header() {
    let api = Harness::start().await;
    let acme = api.tenant("acme").await;
    let bearer = format!("Bearer {}", acme.key);
    let lower = format!("bearer {}", acme.key);
    let cases: [(&[(&str, &str)], StatusCode); 6] = [
        (&[("authorization", &bearer)], StatusCode::OK),
        (&[("authorization", &lower)], StatusCode::OK),
        (&[("x-api-key", &acme.key)], StatusCode::OK),
        (&[("authorization", "Basic YTpi"), ("x-api-key", &acme.key)], StatusCode::OK),
        (&[("authorization", &acme.key)], StatusCode::UNAUTHORIZED),
        (&[("authorization", "Bearer x"), ("x-api-key", &acme.key)], StatusCode::UNAUTHORIZED),
    ];
    for (headers, expected) in cases {
        let mut request = Request::get("/api/v1/webhooks");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = api.with("").send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, expected, "{headers:?}");
    }
}

#[tokio::test]
async fn a_revoked_key_is_refused_at_once() {
    let api = Harness::start().await;
    let acme = api.tenant("acme").await;
    api.with(&acme.key).get("/webhooks").await.of(StatusCode::OK);
    let keys = api.admin().get("/tenants/acme/api-keys").await.of(StatusCode::OK);
    let id = rows(&keys)[0]["id"].as_str().unwrap();
    api.admin().delete(&format!("/tenants/acme/api-keys/{id}")).await.no_content();
    let answer = api.with(&acme.key).get("/webhooks").await;
    answer.problem(StatusCode::UNAUTHORIZED, "unauthorised");
}

#[tokio::test]
async fn a_key_does_what_its_scopes_say() {
    let api = Harness::start().await;
    api.tenant("acme").await;
    for scope in ["*", "read", "webhooks:write", "events:write"] {
        let caller = api.with(&api.key("acme", &[scope]).await);
        for (method, path, needed) in TENANT_OPERATIONS {
            let answer = caller.call(method.clone(), path, Some(json!({}))).await;
            if scope == "*" || scope == needed {
                assert_ne!(answer.status, StatusCode::FORBIDDEN, "{scope} {method} {path}");
                assert_ne!(answer.status, StatusCode::UNAUTHORIZED, "{scope} {method} {path}");
            } else {
                let problem = answer.problem(StatusCode::FORBIDDEN, "forbidden");
                assert!(problem["detail"].as_str().unwrap().contains(needed), "{problem}");
            }
        }
        for (method, path) in ADMIN_OPERATIONS {
            let answer = caller.call(method, path, Some(json!({}))).await;
            answer.problem(StatusCode::FORBIDDEN, "forbidden");
        }
    }
}

#[tokio::test]
async fn the_admin_names_the_tenant() {
    let api = Harness::start().await;
    let (acme, _other) = (api.tenant("acme").await, api.tenant("other").await);
    let admin = api.admin();
    let made = admin
        .post("/webhooks?tenant_id=acme", json!({"url": "https://a.example.com/"}))
        .await
        .of(StatusCode::CREATED);
    let seen = api.with(&acme.key).get("/webhooks").await.of(StatusCode::OK);
    assert_eq!(rows(&seen)[0]["id"], made["id"]);

    for (method, path, _) in TENANT_OPERATIONS {
        let answer = admin.call(method.clone(), path, Some(json!({}))).await;
        let errors = answer.bad_parameters();
        assert_eq!(errors[0].0, "tenant_id", "{method} {path}");
        let nobody = format!("{path}?tenant_id=nobody");
        admin.call(method, &nobody, Some(json!({}))).await.not_found();
    }
    let answer = admin.get("/webhooks?tenant_id=a/b").await;
    assert_eq!(answer.bad_parameters()[0].0, "tenant_id");
    let twice = admin.get("/webhooks?tenant_id=acme&tenant_id=other").await;
    assert_eq!(twice.bad_parameters()[0].0, "tenant_id");
}

#[tokio::test]
async fn a_tenants_key_may_name_its_own_tenant_alone() {
    let api = Harness::start().await;
    let (acme, _other) = (api.tenant("acme").await, api.tenant("other").await);
    let caller = api.with(&acme.key);
    caller.get("/webhooks?tenant_id=acme").await.of(StatusCode::OK);
    caller.get("/webhooks?tenant_id=other").await.not_found();
    caller.get("/webhooks?tenant_id=nobody").await.not_found();
}

#[tokio::test]
async fn another_tenants_objects_are_not_there() {
    let api = Harness::start().await;
    let (acme, thief) = (api.tenant("acme").await, api.tenant("thief").await);
    let owner = api.with(&acme.key);
    let body = json!({"url": "https://a.example.com/"});
    let webhook = owner.post("/webhooks", body).await.of(StatusCode::CREATED);
    let event_id = api.publish(event(&acme, "a.b", "{}")).await.to_string();
    let deliveries = owner.get("/deliveries").await.of(StatusCode::OK);
    let delivery_id = rows(&deliveries)[0]["id"].as_str().unwrap().to_owned();
    let webhook_id = webhook["id"].as_str().unwrap().to_owned();

    let caller = api.with(&thief.key);
    let of_one = TENANT_OPERATIONS.into_iter().filter(|(_, path, _)| path.contains("/x"));
    for (method, path, _) in of_one {
        let id = match path.split('/').nth(1).unwrap() {
            "webhooks" => &webhook_id,
            "events" => &event_id,
            _ => &delivery_id,
        };
        let path = path.replace("/x", &format!("/{id}"));
        caller.call(method, &path, Some(json!({}))).await.not_found();
    }
    for list in [
        "/webhooks".to_owned(),
        "/events".to_owned(),
        "/deliveries".to_owned(),
        format!("/deliveries?webhook_id={webhook_id}"),
        format!("/deliveries?event_id={event_id}"),
    ] {
        let list: Value = caller.get(&list).await.of(StatusCode::OK);
        assert!(rows(&list).is_empty(), "{list}");
    }
    // And nothing was changed by trying.
    let now = owner.get(&format!("/webhooks/{webhook_id}")).await.of(StatusCode::OK);
    assert_eq!(now["updated_at"], webhook["updated_at"]);
}

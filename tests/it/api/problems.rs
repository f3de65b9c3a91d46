//! Whatever goes wrong is answered as problem details, with nothing internal in it.

use super::harness::{ADMIN, Harness, MASTER_KEY, api, client};
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use postrider_store::{OperatorConfig, StoreConfig};
use serde_json::json;
use tokio_util::sync::CancellationToken;

fn tenant_request(content_type: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post("/api/v1/tenants")
        .header(header::AUTHORIZATION, format!("Bearer {ADMIN}"))
        .header(header::CONTENT_TYPE, content_type)
        .body(body.into())
        .unwrap()
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_malformed() {
    let api = Harness::start().await;
    for body in ["", "{", "{\"id\":\"a\",}", "[]", "null", "\"x\"", "{\"id\":\"\\ud800\"}", "{} {}"]
    {
        let answer = api.admin().send(tenant_request("application/json", body)).await;
        answer.problem(StatusCode::BAD_REQUEST, "malformed-body");
    }
    let invalid_utf8 = tenant_request("application/json", &b"{\"id\":\"\xff\"}"[..]);
    api.admin().send(invalid_utf8).await.problem(StatusCode::BAD_REQUEST, "malformed-body");
}

#[tokio::test]
async fn a_field_that_stands_twice_is_refused() {
    let api = Harness::start().await;
    let body = r#"{"id":"a","name":"x","id":"b"}"#;
    let errors = api.admin().send(tenant_request("application/json", body)).await.invalid();
    assert_eq!(errors, [("id".to_owned(), "stands twice".to_owned())]);
}

#[tokio::test]
async fn the_content_type_must_be_json() {
    let api = Harness::start().await;
    let body = r#"{"id":"acme","name":"Acme"}"#;
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonx"]
    {
        let answer = api.admin().send(tenant_request(content_type, body)).await;
        answer.problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type");
    }
    let good = tenant_request("Application/JSON; charset=utf-8", body);
    api.admin().send(good).await.of(StatusCode::CREATED);
}

#[tokio::test]
async fn a_body_is_at_most_64_kib() {
    let api = Harness::start().await;
    let filled = |len: usize| {
        let body = r#"{"id":"acme","name":"Acme"}"#;
        format!("{body}{}", " ".repeat(len - body.len()))
    };
    let answer = api.admin().send(tenant_request("application/json", filled(65_537))).await;
    answer.problem(StatusCode::PAYLOAD_TOO_LARGE, "too-large");
    let answer = api.admin().send(tenant_request("application/json", filled(65_536))).await;
    answer.of(StatusCode::CREATED);
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let api = Harness::start().await;
    for path in ["", "/", "/nothing", "/webhooks/a/b/c"] {
        for key in ["", ADMIN] {
            api.with(key).get(path).await.not_found();
        }
    }
    let outside = Request::get("/nothing").body(Body::empty()).unwrap();
    api.admin().send(outside).await.not_found();

    let answer = api.admin().call(Method::DELETE, "/webhooks", None).await;
    let allow = answer.headers[header::ALLOW].to_str().unwrap().to_owned();
    answer.problem(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed");
    assert!(allow.contains("GET") && allow.contains("POST"), "{allow}");
}

#[tokio::test]
async fn a_panic_is_an_internal_error() {
    let api = Harness::start().await;
    let acme = api.tenant("acme").await;
    let body = json!({"url": "https://panic.example.com/"});
    let answer = api.with(&acme.key).post("/webhooks", body).await;
    let problem = answer.problem(StatusCode::INTERNAL_SERVER_ERROR, "internal");
    assert!(!problem.to_string().contains("defect"), "{problem}");
}

#[tokio::test]
async fn a_database_that_is_away_is_503_and_not_ready() {
    let away = StoreConfig {
        // Nothing listens on port 1.
        database_url: "postgres://hidden@127.0.0.1:1/hidden".parse().unwrap(),
        database_connections: 2,
        operator: OperatorConfig::default(),
    };
    let store = postrider_store::connect(&away).unwrap();
    let caller = client(api(store, MASTER_KEY).router(CancellationToken::new()), ADMIN);
    let ready = Request::get("/readyz").body(Body::empty()).unwrap();
    let (answer, ready) = tokio::join!(caller.get("/tenants"), caller.send(ready));
    assert!(answer.headers.contains_key(header::RETRY_AFTER));
    let problem = answer.problem(StatusCode::SERVICE_UNAVAILABLE, "unavailable");
    assert!(!problem.to_string().contains("hidden"), "{problem}");
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!ready.text.contains("hidden"), "{}", ready.text);
    let live = Request::get("/livez").body(Body::empty()).unwrap();
    assert_eq!(caller.send(live).await.status, StatusCode::OK);
}

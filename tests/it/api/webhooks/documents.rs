//! Every management call of the products' documents, as it is written there: method, path, key header
//! and body; and the keys of the answers, in the documents' order.

use super::keys;
use crate::api::harness::{Answer, Harness, Tenant};
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};

/// What a document says of an answer's beginning, and with which status.
type Shown = (StatusCode, &'static [&'static str]);

/// One call of a document; `{id}` in its path is the webhook that the first one made.
struct DocumentedCall {
    method: Method,
    path: &'static str,
    body: &'static str,
    answers: Shown,
}

fn call(
    method: Method,
    path: &'static str,
    body: &'static str,
    status: StatusCode,
    keys: &'static [&'static str],
) -> DocumentedCall {
    DocumentedCall { method, path, body, answers: (status, keys) }
}

#[derive(Clone, Copy)]
enum KeyHeader {
    XApiKey,
    Bearer,
}

/// Makes a document's calls one after the other; gives the answers.
async fn follow(contract: &str, header: KeyHeader, calls: Vec<DocumentedCall>) -> Vec<Value> {
    let api = Harness::start().await;
    let tenant = api.tenant_with("acme", contract).await;
    let mut answers = Vec::new();
    let mut id = String::new();
    for DocumentedCall { method, path, body, answers: (status, shown) } in calls {
        let at = path.replace("{id}", &id);
        let answer = send(&api, &tenant, header, (method.clone(), &at, body)).await;
        let text = answer.text.clone();
        assert_eq!(answer.status, status, "{contract}: {method} {at}: {text}");
        let answer = if status == StatusCode::NO_CONTENT {
            Value::Null
        } else {
            let named = keys(&text);
            assert!(named.len() >= shown.len(), "{text}");
            assert_eq!(named[..shown.len()], *shown, "{contract}: {method} {at}");
            answer.of(status)
        };
        if method == Method::POST {
            answer["id"].as_str().unwrap().clone_into(&mut id);
        }
        answers.push(answer);
    }
    answers
}

async fn send(
    api: &Harness,
    tenant: &Tenant,
    header: KeyHeader,
    (method, path, body): (Method, &str, &'static str),
) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    request = match header {
        KeyHeader::XApiKey => request.header("X-API-Key", &tenant.key),
        KeyHeader::Bearer => request.header("Authorization", format!("Bearer {}", tenant.key)),
    };
    if !body.is_empty() {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    api.with("").send(request.body(Body::from(body)).unwrap()).await
}

const LIST: &[&str] = &["data", "next_cursor"];

#[tokio::test]
async fn attribution() {
    const SHOWN: &[&str] = &["id", "url", "events", "active"];
    let calls = vec![
        call(
            Method::POST,
            "/webhooks",
            r#"{
    "url": "https://yourdomain.com/webhooks/attribution",
    "events": ["deal.attributed", "partner.created"],
    "secret": "your_webhook_secret"
  }"#,
            StatusCode::CREATED,
            &["id", "url", "events", "secret", "active"],
        ),
        call(Method::GET, "/webhooks", "", StatusCode::OK, LIST),
        call(
            Method::PUT,
            "/webhooks/{id}",
            r#"{ "events": ["deal.attributed"] }"#,
            StatusCode::OK,
            SHOWN,
        ),
        call(Method::DELETE, "/webhooks/{id}", "", StatusCode::NO_CONTENT, &[]),
    ];
    let answers = follow("attribution", KeyHeader::XApiKey, calls).await;
    let made = &answers[0];
    assert!(made["id"].as_str().unwrap().starts_with("wh_"), "{made}");
    assert_eq!(made["url"], "https://yourdomain.com/webhooks/attribution");
    assert_eq!(made["events"], json!(["deal.attributed", "partner.created"]));
    assert_eq!(made["secret"], "your_webhook_secret");
    assert_eq!(answers[1]["data"][0]["id"], made["id"]);
    let changed = &answers[2];
    assert_eq!(changed["events"], json!(["deal.attributed"]));
    assert_eq!((&changed["url"], &changed["active"]), (&made["url"], &json!(true)), "they stay");
}

#[tokio::test]
async fn leads() {
    let calls = vec![
        call(
            Method::POST,
            "/api/v1/webhooks",
            r#"{
    "url": "https://your-app.com/webhook",
    "description": "Production webhook endpoint",
    "events": ["new_lead", "lead_update"],
    "max_retries": 5,
    "timeout": 30
  }"#,
            StatusCode::CREATED,
            &["id", "url", "secret", "events", "is_active", "max_retries", "timeout"],
        ),
        call(Method::GET, "/api/v1/webhooks", "", StatusCode::OK, LIST),
        call(Method::DELETE, "/api/v1/webhooks/{id}", "", StatusCode::NO_CONTENT, &[]),
    ];
    let answers = follow("leads", KeyHeader::Bearer, calls).await;
    let mut made = answers[0].clone();
    assert!(made["id"].as_str().unwrap().starts_with("webhook_"), "{made}");
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"), "{made}");
    let shown = json!({
        "url": "https://your-app.com/webhook",
        "events": ["new_lead", "lead_update"],
        "is_active": true,
        "max_retries": 5,
        "timeout": 30,
        "description": "Production webhook endpoint",
    });
    for (key, value) in shown.as_object().unwrap() {
        assert_eq!(&made[key], value, "{key}");
    }
    made.as_object_mut().unwrap().remove("secret");
    assert_eq!(answers[1]["data"], json!([made]), "the list shows the same but for the secret");
}

#[tokio::test]
async fn cathcr() {
    const SHOWN: &[&str] = &[
        "id",
        "url",
        "events",
        "active",
        "created_at",
        "last_delivery",
        "delivery_count",
        "failure_count",
    ];
    let calls = vec![
        call(
            Method::POST,
            "/webhooks",
            r#"{
  "url": "https://your-app.com/webhooks/cathcr",
  "events": [
    "thought.created",
    "thought.updated",
    "reminder.due"
  ],
  "secret": "your_webhook_secret",
  "active": true,
  "description": "Main application webhook"
}"#,
            StatusCode::CREATED,
            &[
                "id",
                "url",
                "events",
                "active",
                "secret",
                "created_at",
                "last_delivery",
                "delivery_count",
                "failure_count",
            ],
        ),
        call(Method::GET, "/webhooks", "", StatusCode::OK, LIST),
        call(Method::GET, "/webhooks/{id}", "", StatusCode::OK, SHOWN),
        call(
            Method::PATCH,
            "/webhooks/{id}",
            r#"{ "events": ["thought.created", "reminder.due"], "active": false }"#,
            StatusCode::OK,
            SHOWN,
        ),
        call(Method::DELETE, "/webhooks/{id}", "", StatusCode::NO_CONTENT, &[]),
    ];
    let answers = follow("cathcr", KeyHeader::Bearer, calls).await;
    let made = &answers[0];
    assert!(made["id"].as_str().unwrap().starts_with("webhook_"), "{made}");
    assert_eq!(made["secret"], "your_webhook_secret");
    assert_eq!(made["active"], true);
    assert_eq!(made["last_delivery"], Value::Null);
    assert_eq!((&made["delivery_count"], &made["failure_count"]), (&json!(0), &json!(0)));
    // As the document writes it: 2024-01-15T10:00:00Z
    let created = made["created_at"].as_str().unwrap();
    assert!(created.len() == 20 && created.ends_with('Z') && created.is_ascii(), "{created}");
    assert_eq!(answers[2]["created_at"], created);
    assert_eq!(answers[3]["active"], false);
    assert_eq!(answers[3]["events"], json!(["thought.created", "reminder.due"]));
    assert_eq!(answers[3]["description"], "Main application webhook", "it stays");
}

#[tokio::test]
async fn platform() {
    const SHOWN: &[&str] = &["id", "url", "events", "active"];
    let calls = vec![
        call(
            Method::POST,
            "/v2/webhooks",
            r#"{
    "url": "https://your-app.com/webhooks/platform",
    "events": ["user.created", "user.updated", "token.created"],
    "active": true
  }"#,
            StatusCode::CREATED,
            SHOWN,
        ),
        call(Method::GET, "/v2/webhooks", "", StatusCode::OK, LIST),
        call(
            Method::PUT,
            "/v2/webhooks/{id}",
            r#"{
    "events": ["user.created", "user.updated", "user.deleted"],
    "active": true
  }"#,
            StatusCode::OK,
            SHOWN,
        ),
        call(Method::DELETE, "/v2/webhooks/{id}", "", StatusCode::NO_CONTENT, &[]),
    ];
    let answers = follow("platform", KeyHeader::Bearer, calls).await;
    let made = &answers[0];
    assert!(made["secret"].as_str().is_some_and(|secret| !secret.is_empty()), "{made}");
    assert_eq!(made["active"], true);
    assert_eq!(answers[2]["events"], json!(["user.created", "user.updated", "user.deleted"]));
    assert_eq!(answers[2]["url"], made["url"], "it stays");
}

//! What goes wrong, and that the user is told what to do about it.

use super::program::{Served, User};
use crate::api::harness::ADMIN;
use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// Any key; what answers does not look at it.
const KEY: &str = "prk_AAAAAAAAAAAA_canarycanarycanarycanarycanarycanary";

/// A root certificate, so that the machine need not have any. Nobody has its key.
const ROOT: &str = "-----BEGIN CERTIFICATE-----
MIIBizCCATGgAwIBAgIUNPrrm1SaJJV9AZSVJGHLQ1kXVfYwCgYIKoZIzj0EAwIw
GzEZMBcGA1UEAwwQYSByb290IG9mIG5vYm9keTAeFw0yNjExMjIwNDAxNDFaFw0z
NjExMTkwNDAxNDFaMBsxGTAXBgNVBAMMEGEgcm9vdCBvZiBub2JvZHkwWTATBgcq
hkjOPQIBBggqhkjOPQMBBwNCAASIcZ621MSMQfJ02VaHUoqVc/6xO9U7ZC8nXiyA
zlmd7QVh79trfK5EIMWTm/2XQ0siN+MaiWfyXV4Fqq9Tnc7Fo1MwUTAdBgNVHQ4E
FgQUMm7g7StA+LofX2OaE5KmDPbZuvQwHwYDVR0jBBgwFoAUMm7g7StA+LofX2Oa
E5KmDPbZuvQwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiAXFcDs
TFD7XlR0EnCO6w1OIpoH219T42Osh7c0EsD5rwIhALo/sYZH44on4ccApirgpOst
R3dta+S9nHDFIrgV4xaD
-----END CERTIFICATE-----
";

/// A server that answers every call alike.
pub(super) struct Fake {
    url: String,
    calls: Arc<AtomicUsize>,
    task: AbortHandle,
}

impl Fake {
    /// Answers with this.
    pub(super) async fn answering(status: StatusCode, kind: &str, body: &'static str) -> Self {
        let headers = headers([(header::CONTENT_TYPE, kind)]);
        Self::start(move |_| (status, headers.clone(), body)).await
    }

    async fn start<F>(answer: F) -> Self
    where
        F: Fn(usize) -> (StatusCode, HeaderMap, &'static str) + Clone + Send + Sync + 'static,
    {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let router =
            Router::new().fallback(async move || answer(counted.fetch_add(1, Ordering::Relaxed)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let served = tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, calls, task: served.abort_handle() }
    }

    pub(super) fn user(&self) -> User {
        let mut user = User::new();
        user.set("POSTRIDER_API_URL", &self.url);
        user.has_key(KEY);
        user
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn headers<const N: usize>(pairs: [(header::HeaderName, &str); N]) -> HeaderMap {
    pairs.into_iter().map(|(name, value)| (name, value.parse().unwrap())).collect()
}

/// A server that is not ready `times` times, and then has an empty list.
async fn not_ready(times: usize) -> Fake {
    Fake::start(move |call| {
        if call < times {
            let problem =
                r#"{"title": "Temporarily unavailable", "detail": "the database is away"}"#;
            let headers = headers([
                (header::CONTENT_TYPE, "application/problem+json"),
                (header::RETRY_AFTER, "0"),
            ]);
            return (StatusCode::SERVICE_UNAVAILABLE, headers, problem);
        }
        let headers = headers([(header::CONTENT_TYPE, "application/json")]);
        (StatusCode::OK, headers, r#"{"data": [], "next_cursor": null}"#)
    })
    .await
}

#[tokio::test]
async fn without_a_key_the_ways_to_give_one_are_named() {
    let mut user = User::new();
    let error = user.run(&["webhooks", "list"]).await.failed(2);
    assert!(error.starts_with("error: no key for http://127.0.0.1:8080\n"), "{error}");
    for way in ["--key", "POSTRIDER_KEY", "profiles add"] {
        assert!(error.contains(way), "{error}");
    }
    assert!(!error.contains("admin.key"), "{error}");

    std::fs::create_dir(user.path("data")).unwrap();
    std::fs::write(user.path("data/admin.key"), format!("{ADMIN}\n")).unwrap();
    user.keep_secret(ADMIN);
    let error = user.run(&["webhooks", "list"]).await.failed(2);
    assert!(error.contains("--key \"$(cat data/admin.key)\""), "{error}");
    user.set("POSTRIDER_KEY", "");
    assert!(user.run(&["webhooks", "list"]).await.failed(2).contains("is empty"));
}

#[tokio::test]
async fn a_key_that_is_refused_is_named_by_where_it_came_from() {
    let served = Served::start().await;
    served.harness.tenant("acme").await;
    let reader = served.harness.key("acme", &["read"]).await;
    let mut user = served.user(KEY);
    let unknown = user.run(&["webhooks", "list"]).await.failed(1);
    assert!(unknown.starts_with("error: Unauthorised: "), "{unknown}");
    assert!(unknown.contains("does not know the key of POSTRIDER_KEY"), "{unknown}");
    user.keep_secret(&reader);
    let tenants = user.run(&["tenants", "list", "--key", &reader]).await.failed(1);
    assert!(tenants.contains("Forbidden: only the admin key may do this"), "{tenants}");
    assert!(tenants.contains("asked with the key of --key"), "{tenants}");
    user.set("POSTRIDER_KEY", &reader);
    let create = ["webhooks", "create", "https://hooks.example.com/in"];
    let forbidden = user.run(&create).await.failed(1);
    assert!(forbidden.contains("the key has not the scope webhooks:write"), "{forbidden}");
}

#[tokio::test]
async fn a_server_that_is_away_is_asked_after() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let mut user = User::new();
    user.set("POSTRIDER_API_URL", &url);
    user.has_key(KEY);
    let error = user.run(&["webhooks", "list"]).await.failed(1);
    assert!(
        error.starts_with(&format!("error: nobody answers at {url}: Connection refused")),
        "{error}"
    );
    assert!(error.contains("help: is it running? `postrider standalone`"), "{error}");
}

#[tokio::test]
async fn every_field_that_breaks_a_rule_is_named() {
    let served = Served::start().await;
    let user = served.user(&served.harness.tenant("acme").await.key);
    let create = ["webhooks", "create", "https://inside.example.com/in", "--timeout", "9999"];
    let error = user.run(&create).await.failed(1);
    let lines: Vec<_> = error.lines().collect();
    assert_eq!(lines[0], "error: Validation failed: one or more fields break a rule");
    assert!(lines[1].starts_with("  url: ") && lines[2].starts_with("  timeout: must"), "{error}");
    let unknown = user.run(&["webhooks", "show", "webhook_nobody"]).await.failed(1);
    assert!(unknown.contains("there is no such webhook"), "{unknown}");
    for id in ["..", ""] {
        assert!(user.run(&["webhooks", "show", id]).await.failed(2).contains("must be an id"));
    }
    // An id is one part of a path, whatever it holds.
    let id = "../tenants?tenant_id=x#";
    assert!(user.run(&["webhooks", "show", id]).await.failed(1).contains("no such webhook"));
}

#[tokio::test]
async fn a_read_is_tried_again_when_the_server_asks_for_it_and_a_write_is_not() {
    let fake = not_ready(2).await;
    let read = fake.user().run(&["webhooks", "list"]).await;
    assert_eq!(read.code, 0, "{read:?}");
    assert_eq!(read.err.matches("the server is not ready").count(), 2, "{read:?}");
    assert_eq!(fake.calls.load(Ordering::Relaxed), 3);

    let fake = not_ready(usize::MAX).await;
    let read = fake.user().run(&["webhooks", "list"]).await.failed(1);
    assert!(read.contains("Temporarily unavailable: the database is away"), "{read}");
    assert_eq!(fake.calls.load(Ordering::Relaxed), 4);

    let fake = not_ready(usize::MAX).await;
    fake.user().run(&["webhooks", "create", "https://hooks.example.com/in"]).await.failed(1);
    assert_eq!(fake.calls.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn what_is_not_postriders_api_is_told_from_it() {
    let html = Fake::answering(StatusCode::NOT_FOUND, "text/html", "<h1>\u{1b}[31m</h1>").await;
    let error = html.user().run(&["webhooks", "list"]).await.failed(1);
    assert!(error.contains("was answered with 404, but not by Postrider's API"), "{error}");
    assert!(error.contains("help: is the URL right?"), "{error}");
    let other = Fake::answering(StatusCode::OK, "application/json", r#"{"hello": 1}"#).await;
    let error = other.user().run(&["webhooks", "list"]).await.failed(1);
    assert!(error.contains("its answer is not what this version of postrider knows"), "{error}");

    let mut secure = other.user();
    std::fs::write(secure.path("root.pem"), ROOT).unwrap();
    secure.set("SSL_CERT_FILE", secure.path("root.pem").to_str().unwrap());
    let https = other.url.replace("http:", "https:");
    let error = secure.run(&["webhooks", "list", "--api-url", &https]).await.failed(1);
    assert!(error.starts_with(&format!("error: no secure connection to {https}: ")), "{error}");

    let elsewhere = Fake::answering(StatusCode::OK, "application/json", "{}").await;
    let to = format!("{}/api/v1/webhooks", elsewhere.url);
    let moved = headers([(header::LOCATION, to.as_str())]);
    let moved = Fake::start(move |_| (StatusCode::MOVED_PERMANENTLY, moved.clone(), "")).await;
    let error = moved.user().run(&["webhooks", "list"]).await.failed(1);
    assert!(error.contains(&format!("was redirected to {to}")), "{error}");
    let followed = elsewhere.calls.load(Ordering::Relaxed);
    assert_eq!(followed, 0, "a key is sent to nobody else");
}

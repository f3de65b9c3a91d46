//! Which URLs a webhook may have: the egress guard's rules, as the API words them.

use crate::api::harness::Harness;
use axum::http::StatusCode;
use serde_json::json;

const REFUSED: [(&str, &str); 12] = [
    ("ftp://a.example.com/", "scheme"),
    ("a.example.com", "valid absolute URL"),
    ("", "valid absolute URL"),
    ("https://u:p@a.example.com/", "user name"),
    ("https://a.example.com:22/", "port"),
    ("https://a example.com/", "white space"),
    ("https://intranet/", "single label"),
    ("https://db.internal/", ".internal"),
    ("https://127.0.0.1/", "address not allowed"),
    ("https://0x7f.1/", "address not allowed"),
    ("https://[::ffff:10.0.0.1]/", "address not allowed"),
    ("https://inside.example.com/", "address not allowed"),
];

#[tokio::test]
async fn a_forbidden_url_is_refused_on_create_and_on_change() {
    let api = Harness::start().await;
    let acme = api.tenant("acme").await;
    let caller = api.with(&acme.key);
    let made = caller.post("/webhooks", json!({"url": "https://a.example.com/"})).await;
    let id = made.of(StatusCode::CREATED)["id"].as_str().unwrap().to_owned();
    for (url, part) in REFUSED {
        for answer in [
            caller.post("/webhooks", json!({"url": url})).await,
            caller.patch(&format!("/webhooks/{id}"), json!({"url": url})).await,
        ] {
            let errors = answer.invalid();
            let [(field, rule)] = &errors[..] else { panic!("{url}: {errors:?}") };
            assert!(field == "url" && rule.contains(part), "{url}: {errors:?}");
        }
    }
    let now = caller.get(&format!("/webhooks/{id}")).await.of(StatusCode::OK);
    assert_eq!(now["url"], "https://a.example.com/");
}

#[tokio::test]
async fn an_address_is_refused_in_the_same_words_however_it_was_found() {
    let api = Harness::start().await;
    let acme = api.tenant("acme").await;
    let caller = api.with(&acme.key);
    for url in ["https://10.0.0.1/", "https://169.254.169.254/", "https://inside.example.com/"] {
        let errors = caller.post("/webhooks", json!({"url": url})).await.invalid();
        assert_eq!(errors, [("url".to_owned(), "address not allowed".to_owned())]);
    }
}

#[tokio::test]
async fn a_name_that_does_not_resolve_yet_is_accepted() {
    let api = Harness::start().await;
    let acme = api.tenant("acme").await;
    for url in ["https://nowhere.example.com/", "http://plain.example.com:8080/in?a=b"] {
        let answer = api.with(&acme.key).post("/webhooks", json!({"url": url})).await;
        assert_eq!(answer.of(StatusCode::CREATED)["url"], url);
    }
}

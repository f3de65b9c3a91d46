//! Import: what can be taken is, the rest is listed, and doing it again changes nothing.

use super::harness::{ADMIN, Client, Harness, MAX_ENDPOINTS, rows};
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A line that is right for a tenant of any contract.
fn line(id: &str) -> Value {
    json!({"id": id, "url": "https://a.example.com/in", "events": ["a"], "secret": SECRET, "active": true})
}

/// The same with other members.
fn with(mut line: Value, members: &Value) -> Value {
    line.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    line
}

async fn import(admin: &Client, query: &str, lines: &[Value]) -> Value {
    let path = format!("/tenants/acme/import{query}");
    admin.post(&path, json!({"webhooks": lines})).await.of(StatusCode::OK)
}

/// The fields that each refused line names.
fn refused(answer: &Value) -> Vec<(u64, Option<&str>, Vec<&str>)> {
    let lines = answer["refused"].as_array().unwrap().iter();
    lines
        .map(|line| {
            let errors = line["errors"].as_array().unwrap().iter();
            let fields: Vec<_> = errors.map(|error| error["field"].as_str().unwrap()).collect();
            assert!(!fields.is_empty(), "{answer}");
            (line["line"].as_u64().unwrap(), line["id"].as_str(), fields)
        })
        .collect()
}

fn counts(answer: &Value) -> (u64, u64, usize) {
    let number = |key: &str| answer[key].as_u64().unwrap();
    (number("created"), number("unchanged"), answer["refused"].as_array().unwrap().len())
}

#[tokio::test]
async fn what_is_taken_keeps_its_id_its_secret_and_when_it_was_made() {
    let api = Harness::start().await;
    let acme = api.tenant_with("acme", "cathcr").await;
    let full = json!({
        "id": "webhook_789", "url": "http://hooks.example.com/in", "events": ["b", "a"],
        "secret": "your_webhook_secret", "active": false, "description": "two\nlines",
        "created_at": "2024-01-15T11:00:00+01:00", "retry_schedule": [0, 60], "timeout": 7,
    });
    let answer = import(&api.admin(), "", &[full.clone(), line("second.one")]).await;
    assert_eq!(answer, json!({"created": 2, "unchanged": 0, "refused": [], "dry_run": false}));

    let caller = api.with(&acme.key);
    let shown = caller.get("/webhooks/webhook_789").await.of(StatusCode::OK);
    for key in ["id", "url", "events", "active", "description", "retry_schedule", "timeout"] {
        assert_eq!(shown[key], full[key], "{key}");
    }
    assert_eq!(shown["created_at"], "2024-01-15T10:00:00Z");
    let secret = caller.get("/webhooks/webhook_789/secret").await.of(StatusCode::OK);
    assert_eq!(secret["secret"], "your_webhook_secret");
    let second = caller.get("/webhooks/second.one").await.of(StatusCode::OK);
    assert_eq!((&second["active"], &second["description"]), (&json!(true), &json!("")));
}

#[tokio::test]
async fn each_line_is_judged_by_itself() {
    let api = Harness::start().await;
    let acme = api.tenant_with("acme", "patra").await;
    let lines = [
        line("good"),
        json!([1]),
        json!({"id": "bare"}),
        with(line("http"), &json!({"url": "http://a.example.com/"})),
        with(line("inside"), &json!({"url": "https://10.0.0.1/"})),
        with(line("resolves-inside"), &json!({"url": "https://inside.example.com/"})),
        with(line("../x"), &json!({})),
        with(line("test"), &json!({})),
        with(line(&"x".repeat(65)), &json!({})),
        with(line("words"), &json!({"is_active": true})),
        with(line("unknown"), &json!({"urls": "x", "timeout": 0})),
        with(line("backoff"), &json!({"max_retries": 3})),
        with(line("second"), &json!({"second_secret": SECRET})),
        with(line("contract"), &json!({"contract": "nobodys"})),
        with(line("own"), &json!({"contract": "standard-webhooks", "secret": "not-of-its-form"})),
        with(line("time"), &json!({"created_at": "yesterday"})),
        with(line("never"), &json!({"created_at": "9999-12-31T23:59:59-01:00"})),
        with(line("rate"), &json!({"rate_limit": [{"requests": 0, "seconds": 1}]})),
        line("also-good"),
    ];
    let answer = import(&api.admin(), "", &lines).await;
    assert_eq!(counts(&answer), (2, 0, lines.len() - 2), "{answer}");
    let expected = [
        (2, None, vec!["line"]),
        (3, Some("bare"), vec!["url", "secret"]),
        (4, Some("http"), vec!["url"]),
        (5, Some("inside"), vec!["url"]),
        (6, Some("resolves-inside"), vec!["url"]),
        (7, None, vec!["id"]),
        (8, None, vec!["id"]),
        (9, None, vec!["id"]),
        (10, Some("words"), vec!["is_active"]),
        (11, Some("unknown"), vec!["timeout", "urls"]),
        (12, Some("backoff"), vec!["max_retries"]),
        (13, Some("second"), vec!["second_secret"]),
        (14, Some("contract"), vec!["contract"]),
        (15, Some("own"), vec!["secret"]),
        (16, Some("time"), vec!["created_at"]),
        (17, Some("never"), vec!["created_at"]),
        (18, Some("rate"), vec!["rate_limit"]),
    ];
    assert_eq!(refused(&answer), expected);
    let list = api.with(&acme.key).get("/webhooks").await.of(StatusCode::OK);
    assert_eq!(rows(&list).len(), 2);
}

#[tokio::test]
async fn no_secret_is_repeated() {
    let api = Harness::start().await;
    api.tenant("acme").await;
    let canary = "canary-that-is-no-secret-of-the-contract";
    let lines = [
        with(line("a"), &json!({"secret": canary})),
        with(line("b"), &json!({"second_secret": canary})),
        with(line("c"), &json!({"secret": [canary]})),
        json!({"secret": canary}),
        json!([canary]),
        line("d"),
        with(line("d"), &json!({"secret": "whsec_bWluZSBpcyBhbm90aGVyIHNlY3JldCBhbHRvZ2V0aGVy"})),
    ];
    let path = "/tenants/acme/import";
    let answer = api.admin().post(path, json!({"webhooks": lines})).await;
    for secret in [canary, SECRET, "bWluZSBpcy"] {
        assert!(!answer.text.contains(secret), "{}", answer.text);
    }
    let answer = answer.of(StatusCode::OK);
    assert_eq!(counts(&answer), (1, 0, 6), "{answer}");
    assert_eq!(refused(&answer)[5], (7, Some("d"), vec!["secret"]));
}

#[tokio::test]
async fn either_word_says_whether_it_is_on() {
    let api = Harness::start().await;
    let acme = api.tenant_with("acme", "leads").await;
    let lines: Vec<_> = [("a", "active", false), ("b", "is_active", false), ("c", "active", true)]
        .map(|(id, word, on)| {
            let mut line = line(id);
            line.as_object_mut().unwrap().remove("active");
            with(line, &json!({word: on}))
        })
        .into();
    assert_eq!(counts(&import(&api.admin(), "", &lines).await), (3, 0, 0));
    for (id, on) in [("a", false), ("b", false), ("c", true)] {
        let shown = api.with(&acme.key).get(&format!("/webhooks/{id}")).await.of(StatusCode::OK);
        assert_eq!(shown["is_active"], on, "{id}");
    }
}

#[tokio::test]
async fn doing_it_again_changes_nothing_and_what_differs_is_named() {
    let api = Harness::start().await;
    let acme = api.tenant_with("acme", "leads").await;
    let backoff =
        json!({"max_retries": 3, "retry_first_delay": 2, "retry_factor": 1.5, "timeout": 9});
    let created = json!({"created_at": "2024-01-15T10:00:00.123456789Z", "events": ["a", "b"]});
    let own = json!({"contract": "standard-webhooks", "retry_schedule": [1]});
    let lines =
        [with(line("a"), &backoff), with(line("b"), &created), with(line("c"), &own), line("d")];
    let admin = api.admin();
    assert_eq!(counts(&import(&admin, "", &lines).await), (4, 0, 0));
    for query in ["", "?dry_run=true", "?dry_run=false"] {
        assert_eq!(counts(&import(&admin, query, &lines).await), (0, 4, 0), "{query}");
    }
    let reordered = with(lines[1].clone(), &json!({"events": ["b", "a"]}));
    assert_eq!(counts(&import(&admin, "", &[reordered]).await), (0, 1, 0));

    let before = api.with(&acme.key).get("/webhooks").await.of(StatusCode::OK);
    let others = [
        json!({"url": "https://b.example.com/"}),
        json!({"events": ["*"]}),
        json!({"secret": "another"}),
        json!({"active": false}),
        json!({"description": "x"}),
        json!({"created_at": "2024-01-15T10:00:00Z"}),
        json!({"max_retries": 3}),
        json!({"retry_first_delay": 2}),
        json!({"retry_factor": 3}),
        json!({"retry_schedule": [1]}),
        json!({"timeout": 5}),
        json!({"contract": "leads"}),
        json!({"timeout": 5, "url": "https://b.example.com/"}),
    ];
    let lines: Vec<_> = others.iter().map(|other| with(line("d"), other)).collect();
    for query in ["", "?dry_run=true"] {
        let answer = import(&admin, query, &lines).await;
        assert_eq!(counts(&answer), (0, 0, others.len()), "{answer}");
        for ((_, id, fields), other) in refused(&answer).into_iter().zip(&others) {
            assert_eq!(id, Some("d"));
            let mut named: Vec<_> = other.as_object().unwrap().keys().map(String::as_str).collect();
            let mut fields = fields;
            named.sort_unstable();
            fields.sort_unstable();
            assert_eq!(fields, named);
        }
    }
    let after = api.with(&acme.key).get("/webhooks").await.of(StatusCode::OK);
    assert_eq!(after, before);
}

#[tokio::test]
async fn an_id_that_stands_twice_is_compared_with_the_first() {
    let api = Harness::start().await;
    api.tenant("acme").await;
    let lines = [line("a"), line("a"), with(line("a"), &json!({"timeout": 3}))];
    for query in ["?dry_run=true", ""] {
        let answer = import(&api.admin(), query, &lines).await;
        assert_eq!(counts(&answer), (1, 1, 1), "{query}: {answer}");
        assert_eq!(refused(&answer), [(3, Some("a"), vec!["timeout"])], "{query}");
    }
}

#[tokio::test]
async fn a_line_too_many_is_refused_and_a_dry_run_knows_it() {
    let api = Harness::start().await;
    let acme = api.tenant("acme").await;
    let caller = api.with(&acme.key);
    let url = json!({"url": "https://a.example.com/"});
    caller.post("/webhooks", url).await.of(StatusCode::CREATED);
    let lines: Vec<_> = (0..MAX_ENDPOINTS).map(|n| line(&format!("n{n}"))).collect();
    let last = (u64::from(MAX_ENDPOINTS), Some("n7"), vec!["line"]);
    for query in ["?dry_run=true", ""] {
        let answer = import(&api.admin(), query, &lines).await;
        assert_eq!(refused(&answer), std::slice::from_ref(&last), "{query}");
        assert_eq!(counts(&answer).0, u64::from(MAX_ENDPOINTS) - 1, "{query}");
        let there = rows(&caller.get("/webhooks").await.of(StatusCode::OK)).len();
        let expected = if query.is_empty() { MAX_ENDPOINTS as usize } else { 1 };
        assert_eq!(there, expected, "{query}");
    }
    // What is there already is no further one.
    let answer = import(&api.admin(), "", &lines).await;
    assert_eq!(counts(&answer), (0, u64::from(MAX_ENDPOINTS) - 1, 1), "{answer}");
}

#[tokio::test]
async fn a_webhook_that_was_deleted_can_be_imported_again() {
    let api = Harness::start().await;
    let acme = api.tenant("acme").await;
    import(&api.admin(), "", &[line("a")]).await;
    api.with(&acme.key).delete("/webhooks/a").await.no_content();
    assert_eq!(counts(&import(&api.admin(), "", &[line("a")]).await), (1, 0, 0));
}

#[tokio::test]
async fn it_takes_the_admin_key_a_tenant_and_a_list() {
    let api = Harness::start().await;
    let acme = api.tenant("acme").await;
    let path = "/tenants/acme/import";
    let empty = json!({"webhooks": []});
    let answer = api.with(&acme.key).post(path, empty.clone()).await;
    answer.problem(StatusCode::FORBIDDEN, "forbidden");
    let admin = api.with(ADMIN);
    admin.post("/tenants/nobody/import", empty.clone()).await.not_found();
    assert_eq!(counts(&admin.post(path, empty.clone()).await.of(StatusCode::OK)), (0, 0, 0));
    for (body, field) in [
        (json!({}), "webhooks"),
        (json!({"webhooks": {}}), "webhooks"),
        (json!({"webhooks": vec![Value::Null; 10_001]}), "webhooks"),
        (json!({"webhooks": [], "x": 1}), "x"),
    ] {
        let errors = admin.post(path, body).await.invalid();
        assert_eq!(errors.iter().map(|(name, _)| name).collect::<Vec<_>>(), [field]);
    }
    let errors = admin.post(&format!("{path}?dry_run=maybe"), empty).await.bad_parameters();
    assert_eq!(errors[0].0, "dry_run");
    let twice =
        r#"{"webhooks": [{"id": "a", "id": "b", "url": "https://a.example.com/", "secret": "x"}]}"#;
    let uri = format!("/api/v1{path}");
    let answer = admin.call_at(Method::POST, &uri, Some(twice.to_owned())).await;
    let answer = answer.of(StatusCode::OK);
    assert_eq!(refused(&answer)[0].2, ["id", "secret"], "{answer}");
}

#[tokio::test]
async fn a_body_may_have_sixteen_mebibytes_here_alone() {
    let api = Harness::start().await;
    api.tenant("acme").await;
    let filled = |len: usize| {
        let body = r#"{"webhooks":[]}"#;
        Some(format!("{body}{}", " ".repeat(len - body.len())))
    };
    let (admin, path) = (api.admin(), "/api/v1/tenants/acme/import");
    admin.call_at(Method::POST, path, filled(16 << 20)).await.of(StatusCode::OK);
    let answer = admin.call_at(Method::POST, path, filled((16 << 20) + 1)).await;
    let problem = answer.problem(StatusCode::PAYLOAD_TOO_LARGE, "too-large");
    assert!(problem["detail"].as_str().unwrap().contains("16384 KiB"), "{problem}");
}

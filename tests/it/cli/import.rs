//! `postrider import`: a file of webhooks, JSON or a webhook a line, told with the file's own numbers.

use super::program::{Served, User, words};
use crate::api::harness::{ADMIN, Tenant, rows};
use axum::http::StatusCode;
use serde_json::{Value, json};

const SECRET: &str = "s3cret-of-the-receiver";

/// A server with a tenant of cathcr, and its operator.
struct Case {
    served: Served,
    tenant: Tenant,
    operator: User,
}

impl Case {
    async fn start() -> Self {
        let served = Served::start().await;
        let tenant = served.harness.tenant_with("acme", "cathcr").await;
        let mut operator = served.user(ADMIN);
        operator.keep_secret(SECRET);
        operator.set("POSTRIDER_TENANT", "acme");
        Self { served, tenant, operator }
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.operator.path(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    async fn webhooks(&self) -> Vec<String> {
        let list = self.served.harness.with(&self.tenant.key).get("/webhooks").await;
        let list = list.of(StatusCode::OK);
        let mut ids: Vec<_> =
            rows(&list).iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
        ids.sort();
        ids
    }
}

fn webhook(id: &str, url: &str) -> Value {
    json!({"id": id, "url": url, "secret": SECRET, "events": ["thought.created"], "active": true})
}

const GOOD: &str = "https://hooks.example.com/in";

#[tokio::test]
async fn a_document_is_imported_and_again_changes_nothing() {
    let case = Case::start().await;
    let webhooks = [webhook("webhook_1", GOOD), webhook("webhook_2", GOOD)];
    let text = serde_json::to_string_pretty(&json!({ "webhooks": webhooks })).unwrap();
    let file = case.file("webhooks.json", &text);

    let dry = case.operator.run(&["import", &file, "--dry-run"]).await;
    assert!(dry.err.contains("dry run: nothing was created"), "{dry:?}");
    assert_eq!(words(&dry.ok()), [["created", "2"], ["unchanged", "0"], ["refused", "0"]]);
    assert!(case.webhooks().await.is_empty());

    let done = case.operator.run(&["import", &file]).await.ok();
    assert_eq!(words(&done), [["created", "2"], ["unchanged", "0"], ["refused", "0"]]);
    assert_eq!(case.webhooks().await, ["webhook_1", "webhook_2"]);
    let again = case.operator.run(&["import", &file, "--json"]).await.json();
    assert_eq!(again, json!({"created": 0, "unchanged": 2, "refused": [], "dry_run": false}));

    let list = case.file("list.json", &serde_json::to_string_pretty(&webhooks).unwrap());
    let again = case.operator.run(&["import", &list, "--json"]).await.json();
    assert_eq!(again["unchanged"], 2);
    let user = case.served.user(&case.tenant.key);
    let forbidden = user.run(&["import", &file, "--tenant", "acme"]).await.failed(1);
    assert!(forbidden.contains("only the admin key may do this"), "{forbidden}");
}

#[tokio::test]
async fn what_is_refused_is_listed_with_the_files_own_lines() {
    let case = Case::start().await;
    let lines = [
        "\u{feff}".to_owned() + &webhook("webhook_1", GOOD).to_string(),
        String::new(),
        format!("{{\"id\": \"cut\", \"secret\": \"{SECRET}\""),
        webhook("inside", "https://10.0.0.1/").to_string(),
        r#"{"id": "twice", "id": "twice"}"#.to_owned(),
        webhook("webhook_2", GOOD).to_string(),
    ];
    let told = case.operator.run_with_input(&["import", "-"], &lines.join("\r\n")).await;
    assert_eq!(told.code, 1, "{told:?}");
    assert!(told.err.ends_with("error: 3 of 5 failed\n"), "{told:?}");
    let told = words(&told.out);
    assert_eq!(told[0], ["LINE", "ID", "FIELD", "RULE"]);
    let rows: Vec<_> = told[1..].iter().map(|row| row[..3.min(row.len())].join(" ")).collect();
    let expected = [
        "3 - line",
        "4 inside url",
        "5 twice id",
        "5 twice url",
        "5 twice secret",
        "created 2",
        "unchanged 0",
        "refused 3",
    ];
    assert_eq!(rows, expected);
    assert_eq!(case.webhooks().await, ["webhook_1", "webhook_2"]);

    let other = webhook("webhook_1", "https://other.example.com/").to_string();
    let told = case.operator.run_with_input(&["import", "-", "--json"], &other).await;
    assert_eq!(told.code, 1, "{told:?}");
    let told: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(told["refused"][0]["line"], 1);
    assert_eq!(told["refused"][0]["errors"][0]["field"], "url");
}

#[tokio::test]
async fn a_file_that_is_something_else_is_refused_whole() {
    let case = Case::start().await;
    let cases = [
        ("", "has no list of webhooks"),
        ("[1, 2", "is not JSON: see line 1, column 5"),
        ("{\n  \"id\": \"a\"\n}", "has no list of webhooks"),
        (r#"{"webhooks": "s3cret-of-the-receiver"}"#, "has no list of webhooks"),
        (r#"{"webhooks": [], "more": 1}"#, "has no list of webhooks"),
        ("id,url\n1,https://hooks.example.com/in\n", "is not JSON: see line 1, column 1"),
    ];
    for (text, said) in cases {
        let error = case.operator.run_with_input(&["import", "-"], text).await.failed(1);
        assert!(error.contains(said), "{text}: {error}");
        assert!(error.contains("help: it takes {\"webhooks\""), "{text}: {error}");
    }
    let missing = case.operator.run(&["import", "nowhere.json"]).await.failed(1);
    assert!(missing.contains("cannot read nowhere.json"), "{missing}");
    let mut nobody = case.served.user(ADMIN);
    nobody.unset("POSTRIDER_TENANT");
    let file = case.file("empty.json", r#"{"webhooks": []}"#);
    assert!(nobody.run(&["import", &file]).await.failed(2).contains("--tenant"));
    let none = case.operator.run(&["import", &file, "--json"]).await.json();
    assert_eq!(none["created"], 0);
}

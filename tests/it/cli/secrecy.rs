//! No key shows: not in what is printed, not in help, not in a complaint about an argument.

use super::program::{Served, User};
use crate::api::harness::ADMIN;

const CANARY: &str = "canary-key-0123456789-0123456789";

#[tokio::test]
async fn help_and_wrong_usage_show_no_key() {
    let mut user = User::new();
    user.has_key(CANARY);
    for command in ["tenants", "keys", "webhooks", "events", "deliveries"] {
        user.run(&[command, "list", "--help"]).await.ok();
    }
    user.run(&["profiles", "add", "--help"]).await.ok();
    let wrong =
        user.run(&["webhooks", "list", "--key", &format!("{CANARY}\u{1b}")]).await.failed(2);
    assert!(wrong.contains("must not hold control characters"), "{wrong}");
    let url = format!("https://user:{CANARY}@example.com");
    let wrong = user.run(&["webhooks", "list", "--api-url", &url]).await.failed(2);
    assert!(wrong.contains("must not hold a user or a password"), "{wrong}");
}

#[tokio::test]
async fn only_making_a_key_shows_one() {
    let served = Served::start().await;
    let mut admin = served.user(ADMIN);
    admin.run(&["tenants", "create", "acme"]).await.ok();
    let create = ["keys", "create", "x", "--tenant", "acme", "--scope", "*", "--json"];
    let made = admin.run_revealing(&create, "").await.json();
    let key = made["key"].as_str().unwrap();
    admin.keep_secret(key);
    let listed = admin.run(&["keys", "list", "--tenant", "acme"]).await.ok();
    assert!(listed.contains(made["prefix"].as_str().unwrap()), "{listed}");
    admin.run(&["keys", "list", "--tenant", "acme", "--json"]).await.ok();

    let mut user = served.user(key);
    let webhook = ["webhooks", "create", "https://hooks.example.com/in", "--json"];
    let made = user.run(&webhook).await.json();
    user.keep_secret(made["secret"].as_str().unwrap());
    let id = made["id"].as_str().unwrap();
    for typed in [&["list"][..], &["show", id], &["pause", id], &["update", id, "--event", "a"]] {
        user.run(&[&["webhooks"], typed].concat()).await.ok();
        user.run(&[&["webhooks"], typed, &["--json"]].concat()).await.ok();
    }
}

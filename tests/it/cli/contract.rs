//! `postrider contract`: files that are right, files that are not, and what a receiver would get.

use super::program::User;
use hmac::{Hmac, KeyInit as _, Mac as _};
use postrider_contract::Contracts;
use sha2::Sha256;

/// Of a request as it is shown: what stands in the line that begins so.
fn value<'a>(shown: &'a str, start: &str) -> &'a str {
    let line = shown.lines().find_map(|line| line.strip_prefix(start));
    line.unwrap_or_else(|| panic!("no {start} in {shown}")).trim()
}

/// The body of a request as it is shown: the line after the empty one.
fn body(shown: &str) -> &str {
    let (_, after) = shown.split_once("POST /hook").expect("a request");
    let (_, after) = after.split_once("\n\n").expect("a body");
    after.lines().next().expect("a body")
}

#[tokio::test]
async fn every_built_in_contract_is_listed_and_its_file_is_right() {
    let user = User::new();
    let list = user.run(&["contract", "list"]).await.ok();
    for name in Contracts::built_in().names() {
        assert!(list.lines().any(|line| line.starts_with(name)), "{name} is not in {list}");
        let file = user.run(&["contract", "show", name]).await.ok();
        std::fs::write(user.path("copy.toml"), file).unwrap();
        let checked = user.run(&["contract", "check", "copy.toml"]).await.ok();
        assert!(checked.starts_with(&format!("copy.toml: the contract {name} is right")));
    }
}

#[tokio::test]
async fn a_right_contract_is_shown_as_a_receiver_would_get_it() {
    let user = User::new();
    let shown = user.run(&["contract", "show", "patra", "--request"]).await.ok();
    let body = body(&shown);
    let parsed: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(parsed["event"], value(&shown, "X-Patra-Event:"));
    let secret = value(&shown, "signed with the secret:");
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let expected = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    assert_eq!(value(&shown, "X-Patra-Signature:"), expected);

    let other = user
        .run(&["contract", "show", "patra", "--request", "--event", "analytics.milestone"])
        .await
        .ok();
    assert_eq!(value(&other, "X-Patra-Event:"), "analytics.milestone");
}

#[tokio::test]
async fn every_mistake_is_named_with_its_place() {
    let user = User::new();
    let right = user.run(&["contract", "show", "github"]).await.ok();
    let wrong = right.replace("hmac-sha256", "md5").replace("timeout = 15", "timeout = 0");
    std::fs::write(user.path("acme.toml"), &wrong).unwrap();
    let said = user.run(&["contract", "check", "acme.toml"]).await.failed(1);
    let line_of = |text: &str| 1 + wrong.lines().position(|line| line.contains(text)).unwrap();
    for (text, key) in [("md5", "algorithm"), ("timeout = 0", "timeout")] {
        let place = format!("acme.toml:{}:", line_of(text));
        let names = |line: &str| line.starts_with(&place) && line.contains(key);
        assert!(said.lines().any(names), "{place} {key} is not in {said}");
    }
    assert!(said.contains("help: docs/contracts.md"), "{said}");
}

#[tokio::test]
async fn what_is_not_there_is_said() {
    let user = User::new();
    let said = user.run(&["contract", "check", "none.toml"]).await.failed(1);
    assert!(said.contains("none.toml cannot be read"), "{said}");
    let said = user.run(&["contract", "show", "acme"]).await.failed(1);
    assert!(said.contains("acme") && said.contains("standard-webhooks"), "{said}");
    let event = ["contract", "show", "patra", "--request", "--event", "no.such"];
    let said = user.run(&event).await.failed(1);
    assert!(said.contains("no.such"), "{said}");
    user.run(&["contract", "show", "patra", "--event", "card.created"]).await.failed(2);
}

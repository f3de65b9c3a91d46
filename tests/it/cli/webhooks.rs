//! Webhooks of contracts other than the default: their words, numbers, secrets.

use super::program::{Served, field};
use axum::http::StatusCode;

const URL: &str = "https://hooks.example.com/in";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[tokio::test]
async fn either_word_for_being_on_is_understood() {
    let served = Served::start().await;
    for (id, contract) in [("a", "cathcr"), ("b", "leads")] {
        let tenant = served.harness.tenant_with(id, contract).await;
        let user = served.user(&tenant.key);
        let made = user.run(&["webhooks", "create", URL, "--paused"]).await.ok();
        assert_eq!(field(&made, "state"), "paused", "{contract}");
        let id = field(&made, "id");
        for (active, state) in [("true", "active"), ("false", "paused")] {
            let changed = user.run(&["webhooks", "update", id, "--active", active]).await.ok();
            assert_eq!(field(&changed, "state"), state, "{contract}");
        }
        for (verb, state) in [("resume", "active"), ("pause", "paused"), ("enable", "active")] {
            let changed = user.run(&["webhooks", verb, id]).await.ok();
            assert_eq!(field(&changed, "state"), state, "{contract} {verb}");
        }
        let refused = ["webhooks", "update", id, "--active", "false", "--timeout", "0"];
        let refused = user.run(&refused).await.failed(1);
        assert!(refused.contains("timeout: must be") && !refused.contains("active"), "{refused}");
    }
}

#[tokio::test]
async fn contract_and_numbers_are_set() {
    let served = Served::start().await;
    let user = served.user(&served.harness.tenant("acme").await.key);
    let create =
        ["webhooks", "create", URL, "--contract", "leads", "--max-retries", "3", "--retry-factor"];
    let made = user.run(&[&create[..], &["1.5"]].concat()).await.ok();
    assert_eq!(field(&made, "contract"), "leads");
    assert_eq!(field(&made, "retries after"), "1 s, each 1.5 times the one before; 3 retries");
    assert_eq!(field(&made, "deliveries"), "0 attempted, 0 dead");
    let id = field(&made, "id");
    let update =
        ["webhooks", "update", id, "--max-retries", "contract", "--retry-first-delay", "9"];
    let changed = user.run(&[&update[..], &["--json"]].concat()).await.json();
    assert_eq!(changed["max_retries"], 5);
    assert_eq!((&changed["retry_first_delay"], &changed["retry_factor"]), (&9.into(), &1.5.into()));
    let update = ["webhooks", "update", id, "--contract", "tenant", "--secret-stdin"];
    let changed = user.run_with_input(&update, &format!("{SECRET}\n")).await.ok();
    assert_eq!(field(&changed, "contract"), "standard-webhooks");
    assert_eq!(user.run(&["webhooks", "secret", id]).await.ok().trim(), SECRET);
    let wrong = user.run(&["webhooks", "update", id, "--max-retries", "few"]).await.failed(2);
    assert!(wrong.contains("must be a number or `contract`"), "{wrong}");
}

#[tokio::test]
async fn a_rate_limit_is_set_and_dropped() {
    let served = Served::start().await;
    let user = served.user(&served.harness.tenant("acme").await.key);
    let made = user.run(&["webhooks", "create", URL, "--rate-limit", "100/10, 1000/60"]).await.ok();
    assert_eq!(field(&made, "rate limit"), "100 in 10 s, 1000 in 60 s");
    let update = ["webhooks", "update", field(&made, "id"), "--rate-limit"];
    let changed = user.run(&[&update[..], &["5/1"]].concat()).await.ok();
    assert_eq!(field(&changed, "rate limit"), "5 in 1 s");
    let changed = user.run(&[&update[..], &["contract"]].concat()).await.ok();
    assert_eq!(field(&changed, "rate limit"), "the contract's own");
    for wrong in ["5", "5/", "a/b", "5/1/2", ""] {
        let wrong = user.run(&[&update[..], &[wrong]].concat()).await.failed(2);
        assert!(wrong.contains("requests and seconds as in 100/10"), "{wrong}");
    }
    let wrong = user.run(&[&update[..], &["0/1"]].concat()).await.failed(1);
    assert!(wrong.contains("rate_limit: requests must be 1 to"), "{wrong}");
}

#[tokio::test]
async fn being_switched_on_again_is_asked_for() {
    let served = Served::start().await;
    let user = served.user(&served.harness.tenant("acme").await.key);
    let made = user.run(&["webhooks", "create", URL]).await.ok();
    assert_eq!(field(&made, "auto-enable"), "no");
    let update = ["webhooks", "update", field(&made, "id"), "--auto-enable"];
    for (word, shown) in [("true", "yes"), ("false", "no")] {
        let changed = user.run(&[&update[..], &[word]].concat()).await.ok();
        assert_eq!(field(&changed, "auto-enable"), shown);
    }
    user.run(&[&update[..], &["maybe"]].concat()).await.failed(2);
}

#[tokio::test]
async fn a_secret_is_rotated_and_activated() {
    let served = Served::start().await;
    let tenant = served.harness.tenant("acme").await;
    let user = served.user(&tenant.key);
    let made = user.run(&["webhooks", "create", URL]).await.ok();
    let (id, before) = (field(&made, "id"), field(&made, "secret"));
    let rotate = ["webhooks", "rotate-secret", id, "--overlap", "60", "--secret-stdin"];
    let rotated = user.run_with_input(&rotate, &format!("{SECRET}\n")).await.ok();
    assert_eq!((field(&rotated, "secret"), field(&rotated, "secret before")), (SECRET, before));
    let shown = user.run(&["webhooks", "show", id]).await.ok();
    assert_eq!(
        field(&shown, "secret before is valid until"),
        field(&rotated, "which is valid until")
    );
    let again = user.run(&["webhooks", "rotate-secret", id]).await.failed(1);
    assert!(again.contains("Rotation under way"), "{again}");
    let activated = user.run(&["webhooks", "activate-secret", id]).await.ok();
    assert!(!activated.contains("valid until") && !activated.contains(SECRET), "{activated}");
    let secrets = served.harness.with(&tenant.key).get(&format!("/webhooks/{id}/secret")).await;
    assert_eq!(secrets.of(StatusCode::OK), serde_json::json!({ "secret": SECRET }));
}

//! The story of a tenant, as it is typed: made, given keys, its webhooks made, changed and deleted.

use super::program::{Served, User, field, words};
use crate::api::harness::ADMIN;
use axum::http::StatusCode;
use serde_json::Value;

#[tokio::test]
async fn a_tenant_is_made_and_gets_a_key_that_works() {
    let served = Served::start().await;
    let admin = served.user(ADMIN);
    let made = admin.run(&["tenants", "create", "acme", "--name", "Acme Ltd"]).await.ok();
    assert_eq!(field(&made, "name"), "Acme Ltd");
    admin.run(&["tenants", "create", "globex"]).await.ok();
    let listed = admin.run(&["tenants", "list"]).await.ok();
    let lines = words(&listed);
    assert_eq!(lines[0], ["ID", "NAME", "CONTRACT", "CREATED"]);
    assert_eq!(lines[1][..4], ["acme", "Acme", "Ltd", "standard-webhooks"]);
    assert_eq!(lines[2][..3], ["globex", "globex", "standard-webhooks"], "the id is the name");

    let create = ["keys", "create", "backend", "--tenant", "acme", "--scope", "read,events:write"];
    let created = admin.run_revealing(&create, "").await;
    assert!(created.err.contains("cannot be shown again"), "{created:?}");
    let created = created.ok();
    assert_eq!(field(&created, "scopes"), "read,events:write");
    let user = served.user(field(&created, "key"));
    assert!(user.run(&["webhooks", "list"]).await.ok().is_empty());

    let id = field(&created, "id");
    let refused = admin.run(&["keys", "revoke", id, "--tenant", "acme"]).await.failed(2);
    assert!(refused.contains("--yes"), "there is no terminal to ask at: {refused}");
    admin.run(&["keys", "revoke", id, "--tenant", "acme", "--yes"]).await.ok();
    let keys = admin.run(&["keys", "list", "--tenant", "acme", "--json"]).await.json();
    assert_eq!(keys["data"][0]["id"], id);
    assert!(keys["data"][0]["revoked_at"].is_string(), "{keys}");
}

#[tokio::test]
async fn a_webhook_is_made_changed_paused_and_deleted() {
    let served = Served::start().await;
    let tenant = served.harness.tenant("acme").await;
    let user = served.user(&tenant.key);
    let create = [
        "webhooks",
        "create",
        "https://hooks.example.com/in",
        "--event",
        "a.b,c.d",
        "--event",
        "e",
        "--description",
        "for tests",
        "--retry-schedule",
        "1,60",
        "--timeout",
        "7",
        "--paused",
    ];
    let made = user.run(&create).await.ok();
    let (id, secret) = (field(&made, "id"), field(&made, "secret"));
    assert_eq!(field(&made, "events"), "a.b,c.d,e");
    assert_eq!(field(&made, "retries after"), "1 s, 60 s");
    assert_eq!(field(&made, "state"), "paused");
    assert_eq!(user.run(&["webhooks", "secret", id]).await.ok().trim(), secret);
    let listed = user.run(&["webhooks", "list"]).await.ok();
    assert_eq!(words(&listed)[1], [id, "paused", "a.b,c.d,e", "https://hooks.example.com/in"]);

    let update = ["webhooks", "update", id, "--url", "https://hooks.example.com/new", "--timeout"];
    let changed =
        user.run(&[&update[..], &["contract", "--retry-schedule", "none"]].concat()).await;
    let changed = changed.ok();
    assert_eq!(field(&changed, "url"), "https://hooks.example.com/new");
    assert_eq!(field(&changed, "time-out"), "15 s", "the contract's own");
    assert_eq!(field(&changed, "retries after"), "no retries");
    assert_eq!(field(&changed, "description"), "for tests", "it was not given, so it stays");
    for (verb, state) in [("resume", "active"), ("disable", "paused"), ("enable", "active")] {
        assert_eq!(field(&user.run(&["webhooks", verb, id]).await.ok(), "state"), state, "{verb}");
    }
    assert!(!user.run(&["webhooks", "show", id]).await.ok().contains(secret));

    assert!(user.run(&["webhooks", "update", id]).await.failed(2).contains("nothing to change"));
    assert!(user.run(&["webhooks", "delete", id]).await.failed(2).contains("--yes"));
    user.run(&["webhooks", "delete", id, "--yes"]).await.ok();
    assert!(user.run(&["webhooks", "show", id]).await.failed(1).contains("no such webhook"));
}

#[tokio::test]
async fn a_webhook_takes_a_secret_that_is_not_among_the_arguments() {
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let served = Served::start().await;
    let user = served.user(&served.harness.tenant("acme").await.key);
    let create = ["webhooks", "create", "https://hooks.example.com/in", "--secret-stdin"];
    let made = user.run_with_input(&create, &format!("{SECRET}\n")).await.ok();
    assert_eq!(field(&made, "secret"), SECRET);
}

#[tokio::test]
async fn json_is_what_the_api_answers() {
    let served = Served::start().await;
    let tenant = served.harness.tenant("acme").await;
    let (admin, user) = (served.user(ADMIN), served.user(&tenant.key));
    let api = served.harness.with(&tenant.key);
    let url = "https://hooks.example.com/in";
    let made = user.run(&["webhooks", "create", url, "--json"]).await.json();
    assert!(made["secret"].is_string(), "{made}");
    let id = made["id"].as_str().unwrap();
    let secret = format!("{id}/secret");
    let calls: [(&User, &[&str], String); 6] = [
        (&user, &["webhooks", "list"], "/webhooks".to_owned()),
        (&user, &["webhooks", "show", id], format!("/webhooks/{id}")),
        (&user, &["webhooks", "secret", id], format!("/webhooks/{secret}")),
        (&admin, &["tenants", "list"], "/tenants".to_owned()),
        (&admin, &["tenants", "show", "acme"], "/tenants/acme".to_owned()),
        (&admin, &["keys", "list", "--tenant", "acme"], "/tenants/acme/api-keys".to_owned()),
    ];
    for (caller, typed, path) in calls {
        let printed = caller.run(&[typed, &["--json"]].concat()).await.json();
        let api = if path.starts_with("/tenants") { &served.harness.admin() } else { &api };
        assert_eq!(printed, api.get(&path).await.of(StatusCode::OK), "{typed:?}");
    }
    let paused = user.run(&["webhooks", "pause", id, "--json"]).await.json();
    assert_eq!(paused["is_active"], Value::Bool(false));
}

#[tokio::test]
async fn an_admin_acts_for_the_tenant_that_is_named() {
    let served = Served::start().await;
    let tenant = served.harness.tenant("acme").await;
    let id = served.webhook(&tenant.key).await;
    let mut admin = served.user(ADMIN);
    let unnamed = admin.run(&["webhooks", "list"]).await.failed(1);
    assert!(unnamed.contains("help: name the tenant: --tenant"), "{unnamed}");
    let unnamed = admin.run(&["keys", "list"]).await.failed(2);
    assert!(unnamed.contains("--tenant"), "{unnamed}");
    let by_flag = admin.run(&["webhooks", "list", "--tenant", "acme", "--json"]).await.json();
    assert_eq!(by_flag["data"][0]["id"], id);
    admin.set("POSTRIDER_TENANT", "acme");
    assert_eq!(admin.run(&["webhooks", "list", "--json"]).await.json(), by_flag);
    admin.run(&["webhooks", "delete", &id, "-y"]).await.ok();
}

//! For how long a tenant's things are kept, and a payload that is removed, as it is typed.

use super::program::{Served, field};
use crate::api::harness::{ADMIN, event, named};

#[tokio::test]
async fn a_tenants_things_are_kept_as_long_as_is_typed() {
    let served = Served::start().await;
    let admin = served.user(ADMIN);
    let made = admin.run(&["tenants", "create", "acme", "--hold-days", "1"]).await.ok();
    assert_eq!(field(&made, "kept for"), "as the server says");
    assert_eq!(field(&made, "held for"), "1 day");
    let update = ["tenants", "update", "acme", "--retention-days", "7", "--name", "Acme Ltd"];
    let changed = admin.run(&update).await.ok();
    assert_eq!(field(&changed, "kept for"), "7 days");
    assert_eq!(field(&changed, "held for"), "1 day", "it was not given, so it stays");
    assert_eq!(field(&changed, "name"), "Acme Ltd");
    let update = ["tenants", "update", "acme", "--retention-days", "server", "--json"];
    let changed = admin.run(&update).await.json();
    assert!(changed["retention_days"].is_null(), "{changed}");
    let update = ["tenants", "update", "acme", "--retention-days", "0"];
    let refused = admin.run(&update).await.failed(2);
    assert!(refused.contains("from 1 to 3650, or `server`"), "{refused}");
}

#[tokio::test]
async fn a_payload_is_removed_once_it_is_confirmed() {
    let served = Served::start().await;
    let tenant = served.harness.tenant("acme").await;
    let user = served.user(&tenant.key);
    let payload = r#"{"name":"Jane Roe"}"#;
    served.harness.publish(named(event(&tenant, "a", payload), "order.7")).await;
    let refused = user.run(&["events", "expunge", "order.7"]).await.failed(2);
    assert!(refused.contains("--yes"), "{refused}");
    assert!(user.run(&["events", "show", "order.7"]).await.ok().contains("Jane Roe"));
    user.run(&["events", "expunge", "order.7", "--yes"]).await.ok();
    let shown = user.run(&["events", "show", "order.7"]).await.ok();
    assert!(!shown.contains("Jane Roe") && !field(&shown, "expunged").is_empty(), "{shown}");
    let missing = user.run(&["events", "expunge", "order.8", "--yes"]).await.failed(1);
    assert!(missing.contains("no such event"), "{missing}");
}

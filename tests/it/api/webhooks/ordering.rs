//! Whether a webhook asks for order by key.

use super::{made, refused};
use crate::api::harness::Harness;
use axum::http::StatusCode;
use serde_json::{Value, json};

fn shown(webhook: &Value) -> Value {
    ["ordering", "ordering_on_failure"].map(|name| webhook[name].clone()).into_iter().collect()
}

#[tokio::test]
async fn order_is_asked_for_changed_and_dropped() {
    let api = Harness::start().await;
    let caller = api.with(&api.tenant("acme").await.key);
    let (webhook, path) = made(&caller, json!({})).await;
    assert_eq!(shown(&webhook), json!([null, "go_on"]));
    let asked = json!({"ordering": "by_key", "ordering_on_failure": "wait"});
    assert_eq!(shown(&made(&caller, asked).await.0), json!(["by_key", "wait"]));
    let steps = [
        (json!({"ordering": "by_key"}), json!(["by_key", "go_on"])),
        (json!({"ordering_on_failure": "wait"}), json!(["by_key", "wait"])),
        (json!({"description": "else"}), json!(["by_key", "wait"])),
        (json!({"ordering": null}), json!([null, "wait"])),
    ];
    for (change, expected) in steps {
        let changed = caller.patch(&path, change.clone()).await.of(StatusCode::OK);
        assert_eq!(shown(&changed), expected, "{change}");
    }
    for (field, value) in [
        ("ordering", json!("by_time")),
        ("ordering", json!(true)),
        ("ordering_on_failure", json!("stop")),
        ("ordering_on_failure", json!(null)),
    ] {
        let (named, rule) = refused(caller.patch(&path, json!({ field: value })).await);
        assert_eq!(named, field, "{rule}");
    }
}

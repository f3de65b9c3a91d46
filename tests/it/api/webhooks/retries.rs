//! An endpoint's own numbers in an exponential schedule, and what is shown of it.

use super::{URL, made, refused};
use crate::api::harness::Harness;
use axum::http::StatusCode;
use serde_json::{Value, json};

/// What a webhook shows of its schedule.
fn shown(webhook: &Value) -> Value {
    let names = ["max_retries", "retry_first_delay", "retry_factor", "retry_schedule"];
    names.map(|name| webhook[name].clone()).into_iter().collect()
}

#[tokio::test]
async fn own_numbers_stand_in_for_the_contracts_and_null_goes_back() {
    let api = Harness::start().await;
    let caller = api.with(&api.tenant_with("acme", "leads").await.key);
    let (webhook, path) = made(&caller, json!({})).await;
    assert_eq!(shown(&webhook), json!([5, 1, 2.0, null]));
    let own = json!({"max_retries": 2, "retry_first_delay": 10, "retry_factor": 1.5});
    let (webhook, other) = made(&caller, own).await;
    assert_eq!(shown(&webhook), json!([2, 10, 1.5, null]));
    let steps = [
        (json!({"max_retries": 0}), json!([0, 1, 2.0, null])),
        (json!({"retry_first_delay": 2_592_000}), json!([0, 2_592_000, 2.0, null])),
        (json!({"max_retries": 50, "retry_factor": 100}), json!([50, 2_592_000, 100.0, null])),
        (json!({"max_retries": null, "retry_factor": null}), json!([5, 2_592_000, 2.0, null])),
        (json!({"retry_schedule": [7], "max_retries": null}), json!([1, null, null, [7]])),
        (json!({"retry_schedule": null, "retry_factor": 3}), json!([5, 2_592_000, 3.0, null])),
    ];
    for (change, expected) in steps {
        let changed = caller.patch(&path, change.clone()).await.of(StatusCode::OK);
        assert_eq!(shown(&changed), expected, "{change}");
        assert_eq!(caller.get(&path).await.of(StatusCode::OK), changed);
    }
    let untouched = caller.get(&other).await.of(StatusCode::OK);
    assert_eq!(shown(&untouched), json!([2, 10, 1.5, null]));
}

#[tokio::test]
async fn numbers_that_make_no_schedule_are_refused_by_name() {
    let api = Harness::start().await;
    let caller = api.with(&api.tenant_with("acme", "leads").await.key);
    let (webhook, path) = made(&caller, json!({})).await;
    let cases = [
        ("max_retries", json!(51), "at most 50"),
        ("max_retries", json!(5_000_000_000_u64), "at most 50"),
        ("max_retries", json!(-1), "whole number"),
        ("max_retries", json!(1.5), "whole number"),
        ("max_retries", json!("5"), "whole number"),
        ("retry_first_delay", json!(2_592_001), "30 days"),
        ("retry_first_delay", json!(0.5), "whole number"),
        ("retry_factor", json!(0.99), "1 to 100"),
        ("retry_factor", json!(100.01), "1 to 100"),
        ("retry_factor", json!([2]), "a number"),
    ];
    for (name, value, part) in cases {
        for answer in [
            caller.patch(&path, json!({ name: value })).await,
            caller.post("/webhooks", json!({ "url": URL, name: value })).await,
        ] {
            let (field, rule) = refused(answer);
            assert!(field == name && rule.contains(part), "{name} {value}: {rule}");
        }
    }
    caller.patch(&path, json!({"retry_schedule": [1]})).await.of(StatusCode::OK);
    for both in [json!({"max_retries": 3}), json!({"max_retries": 3, "retry_schedule": [2]})] {
        let (field, rule) = refused(caller.patch(&path, both).await);
        assert!(field == "max_retries" && rule.contains("own retry_schedule"), "{rule}");
    }
    let now = caller.patch(&path, json!({"retry_schedule": null})).await.of(StatusCode::OK);
    assert_eq!(shown(&now), shown(&webhook));
}

#[tokio::test]
async fn a_contract_that_has_its_own_schedule_keeps_it() {
    let api = Harness::start().await;
    let caller = api.with(&api.tenant_with("acme", "platform").await.key);
    let (webhook, path) = made(&caller, json!({"max_retries": null})).await;
    assert_eq!(shown(&webhook), json!([5, null, null, null]));
    assert_eq!(webhook["timeout"], 30);
    for name in ["max_retries", "retry_first_delay", "retry_factor"] {
        let (field, rule) = refused(caller.patch(&path, json!({ name: 2 })).await);
        assert!(field == name && rule.contains("contract platform"), "{rule}");
    }
    let own = caller.patch(&path, json!({"retry_schedule": [1, 2], "timeout": 7})).await;
    let own = own.of(StatusCode::OK);
    assert_eq!((shown(&own), &own["timeout"]), (json!([2, null, null, [1, 2]]), &json!(7)));
}

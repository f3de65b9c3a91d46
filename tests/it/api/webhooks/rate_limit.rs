//! A webhook's own rate limit.

use super::{URL, made, refused};
use crate::api::harness::Harness;
use axum::http::StatusCode;
use serde_json::{Value, json};

fn window(requests: u64, seconds: u64) -> Value {
    json!({"requests": requests, "seconds": seconds})
}

/// Also under a contract that has one, and above it.
#[tokio::test]
async fn a_limit_is_set_changed_and_dropped() {
    let api = Harness::start().await;
    for contract in ["standard-webhooks", "platform"] {
        let caller = api.with(&api.tenant_with(contract, contract).await.key);
        let (webhook, path) = made(&caller, json!({})).await;
        assert_eq!(webhook["rate_limit"], Value::Null, "the contract's");
        let steps = [
            json!([window(1, 1)]),
            json!([window(1_000, 60), window(100, 10)]),
            json!([window(1_000_000_000, 86_400)]),
            Value::Null,
        ];
        for limit in steps {
            let change = json!({"rate_limit": limit});
            assert_eq!(made(&caller, change.clone()).await.0["rate_limit"], limit, "{contract}");
            let changed = caller.patch(&path, change).await.of(StatusCode::OK);
            assert_eq!(changed["rate_limit"], limit, "{contract}");
            let other = caller.patch(&path, json!({"description": "else"})).await;
            assert_eq!(other.of(StatusCode::OK)["rate_limit"], limit, "{contract}");
        }
    }
}

#[tokio::test]
async fn what_is_no_limit_is_refused_with_its_rule() {
    let api = Harness::start().await;
    let caller = api.with(&api.tenant("acme").await.key);
    let (_, path) = made(&caller, json!({})).await;
    let cases = [
        (json!([]), "one or two windows"),
        (json!([window(1, 1), window(1, 2), window(1, 3)]), "one or two windows"),
        (json!(window(1, 1)), "must be a list of one or two windows, or null"),
        (json!("100/10"), "must be a list of one or two windows, or null"),
        (json!([100]), "an object for each window"),
        (json!([{"requests": 1}]), "whole seconds"),
        (json!([{"seconds": 1}]), "whole requests"),
        (json!([{"requests": 1.5, "seconds": 1}]), "whole requests"),
        (json!([{"requests": -1, "seconds": 1}]), "whole requests"),
        (json!([{"requests": "1", "seconds": 1}]), "whole requests"),
        (json!([{"requests": 1, "seconds": null}]), "whole seconds"),
        (json!([{"requests": 1, "seconds": 1, "burst": 2}]), "no `burst` in a window"),
        (json!([window(0, 1)]), "requests must be 1 to 1000000000"),
        (json!([window(1_000_000_001, 1)]), "requests must be 1 to 1000000000"),
        (json!([window(u64::MAX, 1)]), "requests must be 1 to 1000000000"),
        (json!([window(1, 0)]), "seconds must be 1 to 86400"),
        (json!([window(1, 86_401)]), "seconds must be 1 to 86400"),
        (json!([window(1, 7), window(2, 7)]), "different lengths"),
    ];
    for (value, part) in cases {
        for answer in [
            caller.patch(&path, json!({"rate_limit": value})).await,
            caller.post("/webhooks", json!({"url": URL, "rate_limit": value})).await,
        ] {
            let (field, rule) = refused(answer);
            assert!(field == "rate_limit" && rule.contains(part), "{value}: {rule}");
        }
    }
    let kept = caller.get(&path).await.of(StatusCode::OK);
    assert_eq!(kept["rate_limit"], Value::Null);
}

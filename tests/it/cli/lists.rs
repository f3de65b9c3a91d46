//! Lists: as many pages as it takes, as far as was asked, and the same JSON as one page.

use super::failures::Fake;
use super::program::{Served, words};
use crate::api::harness::{ADMIN, event};
use axum::http::StatusCode;

#[tokio::test]
async fn a_list_goes_from_page_to_page_as_far_as_was_asked() {
    const TENANTS: usize = 103;
    let served = Served::start().await;
    for number in 0..TENANTS {
        served.harness.tenant(&format!("t{number:03}")).await;
    }
    let admin = served.user(ADMIN);
    let by_default = admin.run(&["tenants", "list"]).await;
    assert!(by_default.err.contains("there are more"), "{by_default:?}");
    assert_eq!(words(&by_default.ok()).len(), 1 + 50);
    let limited = admin.run(&["tenants", "list", "--limit", "102", "--json"]).await.json();
    assert_eq!(limited["data"].as_array().unwrap().len(), 102);
    let cursor = limited["next_cursor"].as_str().unwrap();
    let rest = admin.run(&["tenants", "list", "--cursor", cursor]).await.ok();
    assert_eq!(words(&rest)[1][0], "t102");
    let all = admin.run(&["tenants", "list", "--all", "--json"]).await;
    assert_eq!(all.err, "");
    let all = all.json();
    let ids: Vec<_> = all["data"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
    assert_eq!(ids.len(), TENANTS);
    assert!(ids.is_sorted_by_key(|id| id.as_str()), "{ids:?}");
    assert!(all["next_cursor"].is_null());
}

#[tokio::test]
async fn an_empty_list_says_so_beside_the_output() {
    let served = Served::start().await;
    let user = served.user(&served.harness.tenant("acme").await.key);
    let events = user.run(&["events", "list"]).await;
    assert_eq!((events.out.as_str(), events.err.as_str()), ("", "there are none\n"));
    let json = user.run(&["events", "list", "--json"]).await.json();
    assert_eq!(json, serde_json::json!({"data": [], "next_cursor": null}));
}

#[tokio::test]
async fn events_are_listed_by_type_and_shown_with_their_payload() {
    let served = Served::start().await;
    let tenant = served.harness.tenant("acme").await;
    let user = served.user(&tenant.key);
    served.harness.publish(event(&tenant, "order.paid", r#"{"z":1,"a":[1.5,{}]}"#)).await;
    served.harness.publish(event(&tenant, "order.sent", "{}")).await;
    let listed = user.run(&["events", "list", "--type", "order.paid"]).await.ok();
    let lines = words(&listed);
    assert_eq!((lines.len(), lines[1][1]), (2, "order.paid"));
    let id = lines[1][0];
    let shown = user.run(&["events", "show", id]).await.ok();
    assert!(shown.contains("source=tests"), "{shown}");
    let payload = "\n{\n  \"z\": 1,\n  \"a\": [\n    1.5,\n    {}\n  ]\n}\n";
    assert!(shown.ends_with(payload), "{shown}");
    let json = user.run(&["events", "show", id, "--json"]).await.json();
    let api = served.harness.with(&tenant.key);
    assert_eq!(json, api.get(&format!("/events/{id}")).await.of(StatusCode::OK));
}

/// Numbers that no type holds, members in no order and an escape: nothing is read and written anew,
/// but for what would drive a terminal.
#[tokio::test]
async fn json_keeps_its_numbers_and_the_order_of_its_members() {
    let body = "{\"z\":12345678901234567890.10,\"a\":\"\\u00e4\\\"}{\u{9b}2J\",\"e\":[ ]}";
    let fake = Fake::answering(StatusCode::OK, "application/json", body).await;
    let printed = fake.user().run(&["events", "show", "x", "--json"]).await.ok();
    let expected = "{\n  \"z\": 12345678901234567890.10,\n  \"a\": \"\\u00e4\\\"}{\\u009b2J\",\n  \
                    \"e\": []\n}\n";
    assert_eq!(printed, expected);
}

//! Events: by our id and the producer's, and with their payload byte for byte.

use super::harness::{Harness, column, event, named};
use axum::http::StatusCode;
use serde_json::json;

#[tokio::test]
async fn the_payload_comes_back_byte_for_byte() {
    let api = Harness::start().await;
    let acme = api.tenant("acme").await;
    let payload = r#"{"2":1,"z":9007199254740993,"a":[1.5e300,"\ud800","\u0000"],"b":{"x":null}}"#;
    let id = api.publish(event(&acme, "a.b", payload)).await;
    let answer = api.with(&acme.key).get(&format!("/events/{id}")).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.text.contains(&format!("\"data\":{payload},")), "{}", answer.text);
}

#[tokio::test]
async fn an_event_is_found_by_every_id_it_has() {
    let api = Harness::start().await;
    let acme = api.tenant("acme").await;
    let caller = api.with(&acme.key);
    let ours = api.publish(event(&acme, "a", "{}")).await;
    let theirs = api.publish(named(event(&acme, "b", "{}"), "order.7")).await;
    for (text, id, event_type) in [
        (ours.to_string(), format!("evt_{ours}"), "a"),
        (format!("evt_{ours}"), format!("evt_{ours}"), "a"),
        ("order.7".to_owned(), "order.7".to_owned(), "b"),
        (theirs.to_string(), "order.7".to_owned(), "b"),
    ] {
        let shown = caller.get(&format!("/events/{text}")).await.of(StatusCode::OK);
        assert_eq!((&shown["id"], &shown["type"]), (&json!(id), &json!(event_type)), "{text}");
        assert_eq!(shown["metadata"], json!({"source": "tests"}));
        assert_eq!(shown["occurred_at"], shown["accepted_at"]);
    }
    caller.get("/events/order.8").await.not_found();
}

#[tokio::test]
async fn events_are_listed_newest_first_and_by_type() {
    let api = Harness::start().await;
    let acme = api.tenant("acme").await;
    let caller = api.with(&acme.key);
    for (given, event_type) in [("1", "a"), ("2", "b"), ("3", "a")] {
        api.publish(named(event(&acme, event_type, "{}"), given)).await;
    }
    let all = caller.get("/events").await.of(StatusCode::OK);
    assert_eq!(column(&all, "id"), ["3", "2", "1"]);
    assert!(all["data"][0].get("data").is_none());
    let some = caller.get("/events?type=a").await.of(StatusCode::OK);
    assert_eq!(column(&some, "id"), ["3", "1"]);
}

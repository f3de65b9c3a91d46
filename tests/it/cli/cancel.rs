//! Cancelling, and events for later, as they are typed.

use super::program::{Served, field};
use crate::api::harness::{column, event, named};
use axum::http::StatusCode;
use postrider_store::NewEvent;
use serde_json::json;
use time::macros::datetime;

#[tokio::test]
async fn deliveries_are_cancelled_one_by_one_or_by_their_event() {
    let served = Served::start().await;
    let tenant = served.harness.tenant("acme").await;
    let api = served.harness.with(&tenant.key);
    for _ in 0..2 {
        served.webhook(&tenant.key).await;
    }
    let deliver_at = Some(datetime!(2026-03-04 05:06:07 UTC));
    let later = NewEvent { deliver_at, ..event(&tenant, "a", "{}") };
    served.harness.publish(named(later, "trial-7")).await;
    let id = column(&api.get("/deliveries").await.of(StatusCode::OK), "id").remove(0);
    let user = served.user(&tenant.key);

    let shown = user.run(&["events", "show", "trial-7"]).await.ok();
    assert!(field(&shown, "deliver at").contains("2026-03-04"), "{shown}");
    let one = user.run(&["deliveries", "cancel", &id]).await.ok();
    assert_eq!((field(&one, "id"), field(&one, "status")), (id.as_str(), "dead (cancelled)"));
    let again = user.run(&["deliveries", "cancel", &id]).await.failed(1);
    assert!(again.contains("the delivery cannot be cancelled; it is dead"), "{again}");
    let rest = user.run(&["events", "cancel", "trial-7"]).await.ok();
    let counts = ["cancelled", "in flight", "finished"].map(|name| field(&rest, name));
    assert_eq!(counts, ["1", "0", "1"]);
    let json = user.run(&["events", "cancel", "trial-7", "--json"]).await.json();
    assert_eq!(json, json!({"cancelled": 0, "in_flight": 0, "finished": 2}));
    user.run(&["events", "cancel", "nothing"]).await.failed(1);
}

#[tokio::test]
async fn a_time_of_delivery_is_a_time() {
    let served = Served::start().await;
    let user = served.user("key");
    let send = ["send", "--type", "a", "--data", "{}", "--deliver-at", "tomorrow"];
    let refused = user.run(&send).await.failed(2);
    assert!(refused.contains("must be a time such as"), "{refused}");
}

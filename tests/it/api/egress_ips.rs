//! `GET /egress-ips`.

use super::harness::Harness;
use axum::http::StatusCode;
use serde_json::json;

#[tokio::test]
async fn every_valid_key_is_told_where_requests_come_from() {
    let api = Harness::start().await;
    let acme = api.tenant("acme").await;
    let narrow = api.key(&acme.id, &["events:write"]).await;
    let expected = json!({"data": ["52.89.214.238/32", "54.187.174.169/32"], "next_cursor": null});
    for caller in [api.admin(), api.with(&acme.key), api.with(&narrow)] {
        assert_eq!(caller.get("/egress-ips").await.of(StatusCode::OK), expected);
    }
    api.with("").get("/egress-ips").await.problem(StatusCode::UNAUTHORIZED, "unauthorised");
    api.with("pr_wrong").get("/egress-ips").await.problem(StatusCode::UNAUTHORIZED, "unauthorised");
}

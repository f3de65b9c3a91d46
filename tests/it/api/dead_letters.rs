//! The dead-letter queue: listed, counted, replayed and discarded, one by one or all that are meant.

use super::harness::{column, event, rows};
use super::replays::Case;
use axum::http::StatusCode;
use postrider_common::attempt::FailureKind;
use postrider_common::delivery::{DeadReason, Transition};
use serde_json::{Value, json};

impl Case {
    /// One more delivery, of type `c`, which dies without an answer.
    async fn another_dead(&self) -> String {
        self.api.publish(event(&self.acme, "c", "{}")).await;
        let list = self.caller.get("/deliveries?status=queued").await.of(StatusCode::OK);
        let id = column(&list, "id").remove(0);
        let dead = Transition::Dead { reason: DeadReason::Aborted, disable: None };
        self.api.attempt(&id, dead, Some(FailureKind::Timeout), None).await;
        id
    }

    async fn queue(&self, query: &str) -> Vec<String> {
        let list = self.caller.get(&format!("/dead-letters?{query}")).await.of(StatusCode::OK);
        let count = self.caller.get(&format!("/dead-letters/count?{query}")).await;
        let expected = json!({"count": rows(&list).len(), "exact": true});
        assert_eq!(count.of(StatusCode::OK), expected, "{query}");
        column(&list, "id")
    }
}

#[tokio::test]
async fn dead_letters_are_listed_and_narrowed() {
    let case = Case::start().await;
    let newer = case.another_dead().await;
    let older = case.deliveries[0].clone();
    let both = vec![newer.clone(), older.clone()];
    for (query, expected) in [
        (String::new(), both.clone()),
        (format!("webhook_id={}", case.webhook), both.clone()),
        ("webhook_id=wh_nobody".to_owned(), vec![]),
        ("event_type=b".to_owned(), vec![older.clone()]),
        ("event_type=b,c".to_owned(), both.clone()),
        ("reason=aborted".to_owned(), vec![newer.clone()]),
        ("status_class=none".to_owned(), vec![newer]),
        ("status_class=5xx&reason=exhausted".to_owned(), vec![older]),
        ("since=2020-01-01T00:00:00Z".to_owned(), both),
        ("until=2020-01-01T00:00:00Z".to_owned(), vec![]),
    ] {
        assert_eq!(case.queue(&query).await, expected, "{query}");
    }
    let row = &rows(&case.caller.get("/dead-letters").await.of(StatusCode::OK))[1].clone();
    assert_eq!((&row["status"], &row["dead_reason"]), (&json!("dead"), &json!("exhausted")));
    let page = case.caller.get("/dead-letters?limit=1").await.of(StatusCode::OK);
    assert!(page["next_cursor"].is_string());
    for (query, field) in [
        ("reason=bored", "reason"),
        ("event_type=a..b", "event_type"),
        ("status=dead", "status"),
        ("status_class=600", "status_class"),
    ] {
        for path in ["/dead-letters", "/dead-letters/count"] {
            let errors = case.caller.get(&format!("{path}?{query}")).await.bad_parameters();
            assert_eq!(errors[0].0, field, "{path}?{query}");
        }
    }
}

#[tokio::test]
async fn one_is_replayed_or_discarded() {
    let case = Case::start().await;
    let newer = case.another_dead().await;
    let older = case.deliveries[0].clone();
    let discard = format!("/dead-letters/{older}/discard");
    for _ in 0..2 {
        let discarded = case.caller.post(&discard, json!({})).await.of(StatusCode::OK);
        assert_eq!((&discarded["id"], &discarded["status"]), (&json!(older), &json!("dead")));
        assert!(discarded["discarded_at"].is_string());
    }
    assert_eq!(case.queue("").await, [newer.as_str()]);

    for id in [&older, &newer] {
        let replay = format!("/dead-letters/{id}/replay");
        let replayed = case.caller.post(&replay, json!({})).await.of(StatusCode::ACCEPTED);
        assert_eq!((&replayed["status"], &replayed["round"]), (&json!("scheduled"), &json!(2)));
        assert_eq!(replayed["discarded_at"], Value::Null);
        let again = case.caller.post(&replay, json!({})).await;
        again.problem(StatusCode::CONFLICT, "not-dead");
    }
    assert!(case.queue("").await.is_empty());
    let not_dead = case.caller.post(&discard, json!({})).await;
    let problem = not_dead.problem(StatusCode::CONFLICT, "not-dead");
    assert_eq!(problem["detail"], "the delivery is not dead; it is scheduled");
}

#[tokio::test]
async fn one_is_replayed_as_new_and_stays_dead() {
    let case = Case::start().await;
    let id = &case.deliveries[0];
    let replay = format!("/dead-letters/{id}/replay");
    let replayed = case.caller.post(&replay, json!({"as_new": true})).await;
    assert_ne!(replayed.of(StatusCode::ACCEPTED)["id"], json!(id));
    assert_eq!(case.queue("").await, [id.as_str()]);
}

#[tokio::test]
async fn all_that_are_meant_are_replayed_as_a_job() {
    let case = Case::start().await;
    let newer = case.another_dead().await;
    let made = case.caller.post("/dead-letters/replay", json!({"reason": "aborted"})).await;
    let made = made.of(StatusCode::ACCEPTED);
    assert_eq!((&made["matched"], &made["mode"]), (&json!(1), &json!("again")));
    assert_eq!(made["filter"]["status"], "dead");
    case.work().await;
    assert_eq!(case.queue("").await, [case.deliveries[0].as_str()]);
    let shown = case.caller.get(&format!("/deliveries/{newer}")).await.of(StatusCode::OK);
    assert_eq!((&shown["status"], &shown["round"]), (&json!("scheduled"), &json!(2)));

    let rest = case.caller.call(axum::http::Method::POST, "/dead-letters/replay", None).await;
    rest.of(StatusCode::ACCEPTED);
    case.work().await;
    assert!(case.queue("").await.is_empty());
    let arrived = case.caller.get("/deliveries?status=delivered").await.of(StatusCode::OK);
    assert_eq!(rows(&arrived).len(), 2, "what arrived is left alone");
}

#[tokio::test]
async fn all_that_are_meant_are_discarded_and_not_replayed_in_bulk() {
    let case = Case::start().await;
    case.another_dead().await;
    let discard = async |body: Value| {
        let answer = case.caller.post("/dead-letters/discard", body).await;
        answer.of(StatusCode::OK)
    };
    let none = json!({"discarded": 0, "more": false});
    let one = json!({"discarded": 1, "more": false});
    assert_eq!(discard(json!({"event_types": ["x"]})).await, none);
    assert_eq!(discard(json!({"event_types": ["c"]})).await, one);
    assert_eq!(case.queue("").await, [case.deliveries[0].as_str()]);
    assert_eq!(discard(json!({})).await, one);
    assert_eq!(discard(json!({})).await, none);
    let dry = json!({"status": "dead", "dry_run": true});
    let counted = case.caller.post("/replays", dry).await.of(StatusCode::OK);
    assert_eq!(counted["count"], 0);
    let errors = case.caller.post("/dead-letters/discard", json!({"status": "dead"})).await;
    assert_eq!(errors.invalid()[0].0, "status");
}

#[tokio::test]
async fn another_tenants_dead_letters_are_not_found() {
    let case = Case::start().await;
    let other = case.api.tenant("other").await;
    let stranger = case.api.with(&other.key);
    for verb in ["replay", "discard"] {
        let path = format!("/dead-letters/{}/{verb}", case.deliveries[0]);
        stranger.post(&path, json!({})).await.not_found();
        case.caller.post(&format!("/dead-letters/x/{verb}"), json!({})).await.not_found();
    }
    assert!(rows(&stranger.get("/dead-letters").await.of(StatusCode::OK)).is_empty());
    let done = stranger.post("/dead-letters/discard", json!({})).await.of(StatusCode::OK);
    assert_eq!(done["discarded"], 0);
    assert_eq!(case.queue("").await.len(), 1);
    let reader = case.api.with(&case.api.key(&case.acme.id, &["read"]).await);
    for path in ["/dead-letters/discard", "/dead-letters/replay"] {
        reader.post(path, json!({})).await.problem(StatusCode::FORBIDDEN, "forbidden");
    }
}

#[tokio::test]
async fn a_cancelled_one_is_replayed_when_it_is_asked_for() {
    let case = Case::start().await;
    case.api.publish(event(&case.acme, "c", "{}")).await;
    let list = case.caller.get("/deliveries?status=queued").await.of(StatusCode::OK);
    let cancelled = column(&list, "id").remove(0);
    let cancel = format!("/deliveries/{cancelled}/cancel");
    case.caller.post(&cancel, json!({})).await.of(StatusCode::OK);
    assert_eq!(case.queue("").await.len(), 2);

    for (body, rounds) in [(json!({}), [2, 1]), (json!({"reason": "cancelled"}), [2, 2])] {
        let made = case.caller.post("/dead-letters/replay", body).await.of(StatusCode::ACCEPTED);
        assert_eq!(made["matched"], 1, "{made}");
        case.work().await;
        for (id, round) in [&case.deliveries[0], &cancelled].into_iter().zip(rounds) {
            let shown = case.caller.get(&format!("/deliveries/{id}")).await.of(StatusCode::OK);
            assert_eq!(shown["round"], round, "{shown}");
        }
    }
}

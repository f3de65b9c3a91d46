//! Replays in bulk: made, counted beforehand, shown, paused, resumed and cancelled.

use super::harness::{Client, Harness, Tenant, answered, column, event, rows};
use axum::http::StatusCode;
use postrider_common::attempt::FailureKind;
use postrider_common::delivery::{DeadReason, Transition};
use postrider_store::StepLimits;
use serde_json::{Value, json};

const LIMITS: StepLimits = StepLimits { scan: 100, replay: 100 };

/// A tenant with a webhook, two deliveries that arrived and one that is dead.
pub(super) struct Case {
    pub(super) api: Harness,
    pub(super) acme: Tenant,
    pub(super) caller: Client,
    pub(super) webhook: String,
    /// Newest first, so that the first is the dead one.
    pub(super) deliveries: Vec<String>,
}

impl Case {
    pub(super) async fn start() -> Self {
        let api = Harness::start().await;
        let acme = api.tenant("acme").await;
        let caller = api.with(&acme.key);
        let made = caller.post("/webhooks", json!({"url": "https://a.example.com/"})).await;
        let webhook = made.of(StatusCode::CREATED)["id"].as_str().unwrap().to_owned();
        for name in ["a", "b", "b"] {
            api.publish(event(&acme, name, "{}")).await;
        }
        let list = caller.get("/deliveries").await.of(StatusCode::OK);
        let deliveries = column(&list, "id");
        let dead = Transition::Dead { reason: DeadReason::Exhausted, disable: None };
        let failure = Some(FailureKind::Status);
        api.attempt(&deliveries[0], dead, failure, Some(answered(500, b""))).await;
        for id in &deliveries[1..] {
            api.attempt(id, Transition::Delivered, None, Some(answered(204, b""))).await;
        }
        Self { api, acme, caller, webhook, deliveries }
    }

    /// Does what the dispatcher would.
    pub(super) async fn work(&self) {
        while self.api.store.replay_step(LIMITS).await.unwrap().is_some() {}
    }

    async fn replay(&self, body: Value) -> Value {
        self.caller.post("/replays", body).await.of(StatusCode::ACCEPTED)
    }
}

fn path(replay: &Value, verb: &str) -> String {
    format!("/replays/{}{verb}", replay["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_replay_is_made_and_shows_how_far_it_is() {
    let case = Case::start().await;
    let made = case.replay(json!({"event_types": ["b"], "webhook_id": case.webhook})).await;
    assert!(made["id"].as_str().unwrap().starts_with("replay_"));
    assert_eq!((&made["status"], &made["mode"]), (&json!("running"), &json!("again")));
    assert_eq!((&made["matched"], &made["replayed"]), (&json!(2), &json!(0)));
    assert_eq!((&made["rate"], &made["finished_at"]), (&Value::Null, &Value::Null));
    let filter = json!({
        "webhook_id": case.webhook, "event_types": ["b"], "since": null, "until": null,
        "status": null, "reason": null, "status_class": null,
    });
    assert_eq!(made["filter"], filter);

    case.work().await;
    let shown = case.caller.get(&path(&made, "")).await.of(StatusCode::OK);
    assert_eq!((&shown["status"], &shown["replayed"]), (&json!("finished"), &json!(2)));
    assert!(shown["finished_at"].is_string());
    let list = case.caller.get("/deliveries?status=scheduled").await.of(StatusCode::OK);
    assert_eq!(
        rows(&list).iter().map(|row| row["round"].as_u64()).collect::<Vec<_>>(),
        [Some(2); 2]
    );
}

#[tokio::test]
async fn every_field_narrows_and_a_dry_run_counts() {
    let case = Case::start().await;
    for (narrow, count) in [
        (json!({}), 3),
        (json!({"status": "dead"}), 1),
        (json!({"status": "delivered", "mode": "as_new"}), 2),
        (json!({"reason": "exhausted"}), 1),
        (json!({"reason": "gone"}), 0),
        (json!({"status_class": "2xx"}), 2),
        (json!({"status_class": "5xx", "event_types": ["b", "c"]}), 1),
        (json!({"event_types": ["a"]}), 1),
        (json!({"since": "2020-01-01T00:00:00Z", "until": "2021-01-01T00:00:00Z"}), 0),
        (json!({"since": "2020-01-01T00:00:00+02:00", "rate": 5}), 3),
        (json!({"mode": "missed", "webhook_id": case.webhook}), 0),
    ] {
        let mut dry = narrow.clone();
        dry["dry_run"] = true.into();
        let counted = case.caller.post("/replays", dry).await.of(StatusCode::OK);
        assert_eq!(counted, json!({"count": count, "exact": true}), "{narrow}");
    }
    let list = case.caller.get("/replays").await.of(StatusCode::OK);
    assert!(rows(&list).is_empty(), "a dry run makes nothing");
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_by_name() {
    let case = Case::start().await;
    for (body, fields) in [
        (json!({"status": "queued"}), vec!["status"]),
        (json!({"status_class": "6xx"}), vec!["status_class"]),
        (json!({"reason": "bored"}), vec!["reason"]),
        (json!({"status": "delivered", "reason": "gone"}), vec!["reason"]),
        (json!({"mode": "twice", "rate": 0, "dry_run": 1}), vec!["mode", "rate", "dry_run"]),
        (json!({"rate": 10_001}), vec!["rate"]),
        (json!({"event_types": []}), vec!["event_types"]),
        (json!({"event_types": ["a..b"]}), vec!["event_types"]),
        (json!({"since": "yesterday"}), vec!["since"]),
        (json!({"since": "0001-01-01T00:00:00+01:00"}), vec!["since"]),
        (json!({"until": "9999-12-31T23:59:59-01:00"}), vec!["until"]),
        (json!({"since": "2026-01-02T00:00:00Z", "until": "2026-01-02T00:00:00Z"}), vec!["until"]),
        (json!({"mode": "missed", "status": "dead"}), vec!["status", "webhook_id"]),
        (json!({"webhook_id": "wh_nobody"}), vec!["webhook_id"]),
        (json!({"webhook_id": "wh_nobody", "dry_run": true}), vec!["webhook_id"]),
        (json!({"webhook": "x"}), vec!["webhook"]),
    ] {
        let errors = case.caller.post("/replays", body.clone()).await.invalid();
        let named: Vec<_> = errors.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(named, fields, "{body}");
    }
}

#[tokio::test]
async fn a_replay_is_paused_resumed_and_cancelled() {
    let case = Case::start().await;
    let made = case.replay(json!({})).await;
    for (verb, status) in [("/pause", "paused"), ("/pause", "paused"), ("/resume", "running")] {
        let answer = case.caller.post(&path(&made, verb), json!({})).await.of(StatusCode::OK);
        assert_eq!(answer["status"], status);
    }
    case.caller.post(&path(&made, "/pause"), json!({})).await.of(StatusCode::OK);
    case.work().await;
    let cancelled = case.caller.post(&path(&made, "/cancel"), json!({})).await.of(StatusCode::OK);
    assert_eq!((&cancelled["status"], &cancelled["replayed"]), (&json!("cancelled"), &json!(0)));
    let over = case.caller.post(&path(&made, "/resume"), json!({})).await;
    let problem = over.problem(StatusCode::CONFLICT, "replay-over");
    assert_eq!(problem["detail"], "the replay is cancelled");

    let finished = case.replay(json!({})).await;
    case.work().await;
    let over = case.caller.post(&path(&finished, "/cancel"), json!({})).await;
    over.problem(StatusCode::CONFLICT, "replay-over");
}

#[tokio::test]
async fn replays_are_listed_newest_first_and_limited() {
    let case = Case::start().await;
    let mut made = Vec::new();
    for _ in 0..20 {
        made.push(case.replay(json!({})).await["id"].as_str().unwrap().to_owned());
    }
    let refused = case.caller.post("/replays", json!({})).await;
    refused.problem(StatusCode::CONFLICT, "replay-limit");
    made.reverse();
    let first = case.caller.get("/replays?limit=15").await.of(StatusCode::OK);
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = case.caller.get(&format!("/replays?cursor={cursor}")).await.of(StatusCode::OK);
    assert_eq!([column(&first, "id"), column(&second, "id")].concat(), made);
}

#[tokio::test]
async fn another_tenants_replay_is_not_found_and_reading_is_not_writing() {
    let case = Case::start().await;
    let other = case.api.tenant("other").await;
    let made = case.replay(json!({})).await;
    let stranger = case.api.with(&other.key);
    stranger.get(&path(&made, "")).await.not_found();
    for verb in ["/pause", "/resume", "/cancel"] {
        stranger.post(&path(&made, verb), json!({})).await.not_found();
        case.caller.post(&format!("/replays/x{verb}"), json!({})).await.not_found();
    }
    assert!(rows(&stranger.get("/replays").await.of(StatusCode::OK)).is_empty());
    let foreign = json!({"webhook_id": case.webhook});
    assert_eq!(stranger.post("/replays", foreign).await.invalid()[0].0, "webhook_id");

    let reader = case.api.with(&case.api.key(&case.acme.id, &["read"]).await);
    reader.get(&path(&made, "")).await.of(StatusCode::OK);
    for path in ["/replays".to_owned(), path(&made, "/cancel")] {
        reader.post(&path, json!({})).await.problem(StatusCode::FORBIDDEN, "forbidden");
    }
}

//! Dead letters and replays in bulk, as they are typed.

use super::program::{Served, User, field, words};
use crate::api::harness::{answered, event};
use axum::http::StatusCode;
use postrider_common::attempt::FailureKind;
use postrider_common::delivery::{DeadReason, Transition};
use postrider_store::StepLimits;
use serde_json::json;

/// A tenant with a webhook and two dead deliveries, of the types `a` and `b`, newest first.
struct Case {
    served: Served,
    user: User,
    webhook: String,
    dead: Vec<String>,
}

impl Case {
    async fn start() -> Self {
        let served = Served::start().await;
        let tenant = served.harness.tenant("acme").await;
        let api = served.harness.with(&tenant.key);
        let webhook = served.webhook(&tenant.key).await;
        let mut dead = Vec::new();
        for name in ["a", "b"] {
            served.harness.publish(event(&tenant, name, "{}")).await;
            let list = api.get("/deliveries?status=queued").await.of(StatusCode::OK);
            let id = list["data"][0]["id"].as_str().unwrap().to_owned();
            let died = Transition::Dead { reason: DeadReason::Exhausted, disable: None };
            let (failure, response) = (Some(FailureKind::Status), Some(answered(500, b"")));
            served.harness.attempt(&id, died, failure, response).await;
            dead.insert(0, id);
        }
        let user = served.user(&tenant.key);
        Self { served, user, webhook, dead }
    }

    async fn work(&self) {
        let limits = StepLimits { scan: 100, replay: 100 };
        while self.served.harness.store.replay_step(limits).await.unwrap().is_some() {}
    }
}

#[tokio::test]
async fn dead_letters_are_listed_counted_and_discarded() {
    let case = Case::start().await;
    let [newer, older] = &case.dead[..] else { panic!("two") };
    let listed = case.user.run(&["dead-letters", "list"]).await.ok();
    let ids: Vec<_> = words(&listed)[1..].iter().map(|row| row[0].to_owned()).collect();
    assert_eq!(ids, case.dead);
    let one = ["dead-letters", "list", "--type", "a", "--webhook", &case.webhook, "--json"];
    let one = case.user.run(&one).await.json();
    assert_eq!((&one["data"][0]["id"], one["data"].as_array().unwrap().len()), (&json!(older), 1));
    let count = async |more: &[&str]| {
        case.user.run(&[&["dead-letters", "count"], more].concat()).await.ok()
    };
    assert_eq!(count(&["--type", "a", "--type", "b", "--status-class", "5xx"]).await, "2\n");
    assert_eq!(count(&["--reason", "gone"]).await, "0\n");

    let discarded = case.user.run(&["dead-letters", "discard", newer]).await.ok();
    assert_eq!(discarded, format!("{newer}  discarded\n"));
    assert_eq!(count(&[]).await, "1\n");
    let unsure = case.user.run(&["dead-letters", "discard"]).await.failed(2);
    assert!(unsure.contains("help: say --yes"), "{unsure}");
    case.user.run(&["dead-letters", "discard", newer, "--type", "a"]).await.failed(2);
    let all = case.user.run(&["dead-letters", "discard", "--yes"]).await.ok();
    assert_eq!(all, "1 discarded\n");
    assert_eq!(count(&[]).await, "0\n");
}

#[tokio::test]
async fn dead_letters_are_replayed_as_a_job() {
    let case = Case::start().await;
    let replay = ["dead-letters", "replay", "--type", "a", "--rate", "5", "--yes"];
    let made = case.user.run(&replay).await.ok();
    let id = field(&made, "id");
    assert_eq!((field(&made, "status"), field(&made, "replayed")), ("running", "0 of 1"));
    assert_eq!((field(&made, "types"), field(&made, "rate")), ("a", "5 per second"));
    let paused = case.user.run(&["replays", "pause", id]).await.ok();
    assert_eq!(field(&paused, "status"), "paused");
    let resumed = case.user.run(&["replays", "resume", id]).await.ok();
    assert_eq!(field(&resumed, "status"), "running");
    let cancelled = case.user.run(&["replays", "cancel", id]).await.ok();
    assert_eq!(field(&cancelled, "status"), "cancelled");
    let over = case.user.run(&["replays", "pause", id]).await.failed(1);
    assert!(over.contains("the replay is cancelled"), "{over}");
}

#[tokio::test]
async fn a_replay_is_counted_made_and_shown() {
    let case = Case::start().await;
    let narrow =
        ["--status", "dead", "--webhook", &case.webhook, "--since", "2020-01-01T00:00:00Z"];
    let create = [&["replays", "create"][..], &narrow].concat();
    let dry = case.user.run(&[&create[..], &["--dry-run"]].concat()).await.ok();
    assert_eq!(dry, "2\n");
    let unasked = case.user.run(&create).await.failed(2);
    assert!(unasked.contains("--yes"), "{unasked}");
    let made = case.user.run(&[&create[..], &["--yes"]].concat()).await.ok();
    assert_eq!((field(&made, "only"), field(&made, "webhook")), ("dead", case.webhook.as_str()));
    assert_eq!(field(&made, "since"), "2020-01-01 00:00:00Z");
    case.work().await;
    let shown = case.user.run(&["replays", "get", field(&made, "id")]).await.ok();
    assert_eq!((field(&shown, "status"), field(&shown, "replayed")), ("finished", "2 of 2"));
    assert!(!field(&shown, "ended").is_empty());
    let listed = case.user.run(&["replays", "list"]).await.ok();
    let row = &words(&listed)[1];
    assert_eq!(row[1..6], ["finished", "again", "2", "of", "2"]);
    let wrong = case.user.run(&["replays", "create", "--mode", "missed", "--yes"]).await.failed(1);
    assert!(wrong.contains("webhook_id: is required with mode missed"), "{wrong}");
}

//! Replays in bulk, through real processes: one that dies in the middle goes on, what an endpoint
//! missed reaches it, and the dead-letter queue is emptied.

use super::{SOON, Scene};
use postrider_common::id::ReplayId;
use postrider_store::{ReplayJob, ReplayState};
use postrider_testkit::{
    Answer, Behaviour, Draft, Faults, Ledger, Receiver, Service, Stack, StackOptions, machine,
};
use serde_json::{Value, json};
use std::time::Duration;

/// Deliveries that one step takes.
const STEP: u64 = 500;
/// More than two steps take.
const EVENTS: usize = 1_100;
/// A lease is over after the time-out and 10 s.
const REPAIRED: Duration = Duration::from_secs(75);
/// How often a test looks whether a replay is over: it gives no signal of it.
const LOOK_EVERY: Duration = Duration::from_millis(50);

async fn publish(scene: &Scene, count: usize) {
    let drafts = (0..count).map(|n| Draft::new("user.created", &json!({ "n": n })));
    scene.customer.producer().publish_all(drafts.collect(), 64).await.unwrap();
}

async fn make(scene: &Scene, path: &str, body: Value) -> ReplayId {
    let made = scene.customer.rest().post(path, &body).await.unwrap();
    assert_eq!(made["status"], "running");
    ReplayId::parse(made["id"].as_str().unwrap()).unwrap()
}

async fn job(scene: &Scene, id: ReplayId) -> ReplayJob {
    scene.stack.store().replay_get(&scene.customer.scope(), id).await.unwrap().unwrap()
}

async fn finished(scene: &Scene, id: ReplayId) -> ReplayJob {
    let finished = async {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        loop {
            ticks.tick().await;
            let job = job(scene, id).await;
            if job.state == ReplayState::Finished {
                return job;
            }
        }
    };
    tokio::time::timeout(SOON, finished).await.unwrap()
}

/// How many deliveries are in their second round; there is no third.
async fn replayed(scene: &Scene) -> usize {
    let evidence = scene.oracle().gather().await;
    let rounds = evidence.obligations.iter().map(|obligation| obligation.delivery.round);
    assert!(rounds.clone().all(|round| round <= 2), "something was replayed twice");
    rounds.filter(|round| *round == 2).count()
}

/// Dies in its second step: with nothing of that committed, or with all of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_replay_that_is_killed_goes_on_and_replays_nothing_twice() {
    let _loaded = machine::load().await;
    let api_is_apart = Service::one_per_process().contains(&Service::Api);
    for (point, done) in [("replay::written", STEP), ("replay::stepped", 2 * STEP)] {
        let die = format!("{point}=1*off->1*return");
        let options = StackOptions::default().env(Service::Dispatcher, "FAILPOINTS", die);
        let mut scene = start(options).await;
        publish(&scene, EVENTS).await;
        scene.oracle().assert_holds(REPAIRED).await;
        let id = make(&scene, "/api/v1/replays", json!({ "status": "delivered" })).await;
        if api_is_apart {
            scene.stack.kill9(Service::Api).await;
        }
        scene.stack.wait_dead(Service::Dispatcher, REPAIRED).await;
        let interrupted = job(&scene, id).await;
        assert_eq!((interrupted.replayed, interrupted.state), (done, ReplayState::Running));
        assert_eq!(replayed(&scene).await as u64, done, "{point}");

        scene.stack.restart_plain(Service::Dispatcher).await;
        if api_is_apart {
            scene.stack.restart(Service::Api).await;
        }
        let job = finished(&scene, id).await;
        assert_eq!((job.replayed, job.skipped, job.matched), {
            (EVENTS as u64, 0, Some(EVENTS as u64))
        });
        let faults = Faults { crashes: 1, in_flight: 1024, cut: 0 };
        scene.oracle().faults(faults).assert_holds(REPAIRED).await;
        assert_eq!(replayed(&scene).await, EVENTS, "{point}");
    }
}

async fn start(options: StackOptions) -> Scene {
    let stack = Stack::start(options).await;
    let customer = stack.customer("acme").await;
    let receiver = Receiver::start(Behaviour::ok()).await;
    let hook = customer.hook(&receiver, json!({ "timeout": 2 })).await;
    Scene { stack, customer, receiver, hook }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_gets_what_was_published_before_it_existed() {
    let scene = Scene::start(Behaviour::ok(), json!({})).await;
    publish(&scene, 5).await;
    scene.oracle().assert_holds(SOON).await;
    let late = Receiver::start(Behaviour::ok()).await;
    let hook = scene.customer.hook(&late, json!({})).await;

    let missed = json!({ "mode": "missed", "webhook_id": hook.id });
    let mut dry = missed.clone();
    dry["dry_run"] = true.into();
    let counted = scene.customer.rest().post("/api/v1/replays", &dry).await.unwrap();
    assert_eq!(counted, json!({ "count": 5, "exact": true }));
    let id = make(&scene, "/api/v1/replays", missed).await;
    late.wait_for(|ledger| ledger.delivered() == 5, SOON).await.unwrap();
    assert_eq!(finished(&scene, id).await.replayed, 5);
    let bodies = |receiver: &Receiver| {
        let mut bodies = receiver.ledger(|ledger| {
            ledger.requests().iter().map(|one| one.body.clone()).collect::<Vec<_>>()
        });
        bodies.sort();
        bodies
    };
    assert_eq!(bodies(&late), bodies(&scene.receiver));
    assert!(late.ledger(|ledger| ledger.requests().iter().all(|one| one.verified == Ok(()))));
    assert_eq!(scene.receiver.ledger(Ledger::len), 5, "nobody else got anything");
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_sent_again_once_their_receiver_is_well() {
    let ill = Behaviour::per_delivery([Answer::Status(500)]);
    let scene = Scene::start(ill, json!({ "retry_schedule": [] })).await;
    publish(&scene, 6).await;
    scene.oracle().assert_holds(SOON).await;
    let rest = scene.customer.rest();
    let count = async || rest.get("/api/v1/dead-letters/count").await.unwrap()["count"].clone();
    assert_eq!(count().await, 6);

    let id = make(&scene, "/api/v1/dead-letters/replay", json!({ "rate": 100 })).await;
    assert_eq!(finished(&scene, id).await.replayed, 6);
    scene.oracle().assert_holds(SOON).await;
    assert_eq!(count().await, 0);
    assert_eq!(scene.receiver.ledger(Ledger::delivered), 6);
    let hook = rest.get(&format!("/api/v1/webhooks/{}", scene.hook.id)).await.unwrap();
    assert_eq!((&hook["failure_count"], &hook["delivery_count"]), (&json!(0), &json!(6)));
}

//! An endpoint that was switched off and wants to be probed: through real processes, until it has all that
//! it is owed.

use super::{SOON, Scene};
use postrider_common::probing::rest_after;
use postrider_testkit::{Answer, Behaviour, Draft, Ledger};
use serde_json::{Value, json};
use std::time::Duration;

const SPARE: Duration = Duration::from_secs(20);

impl Scene {
    async fn publish_one(&self) {
        let draft = Draft::new("thought.created", &json!({ "id": 7 }));
        self.customer.producer().publish(&draft).await.unwrap();
    }

    async fn shown(&self) -> Value {
        let path = format!("/api/v1/webhooks/{}", self.hook.id);
        self.customer.rest().get(&path).await.unwrap()
    }

    /// How many deliveries are in this state.
    async fn count(&self, status: &str) -> usize {
        self.customer.rest().deliveries(&format!("status={status}")).await.unwrap().len()
    }
}

async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let looking = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        while !is_so().await {
            ticks.tick().await;
        }
    };
    tokio::time::timeout(SOON, looking).await.expect(what);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_answers_again_gets_what_it_is_owed() {
    let hook = json!({ "contract": "cathcr", "retry_schedule": [], "auto_enable": true });
    let scene = Scene::start(Behaviour::always(Answer::Status(500)), hook).await;
    scene.publish_one().await;
    let is_off = async || scene.shown().await["disabled"]["reason"] == "exhausted";
    until("it is off", is_off).await;
    assert!(scene.shown().await["disabled"]["next_probe_at"].is_string());
    for _ in 0..5 {
        scene.publish_one().await;
    }
    assert_eq!(scene.count("held").await, 5);

    scene.stack.hooks().age(rest_after(0) + SPARE).await.unwrap();
    until("the first probe has failed", async || scene.count("dead").await == 2).await;
    scene.receiver.behave(Behaviour::ok());
    scene.stack.hooks().age(rest_after(1) + SPARE).await.unwrap();
    until("it is on", async || scene.shown().await["disabled"].is_null()).await;
    until("all else has arrived", async || scene.count("delivered").await == 4).await;
    assert_eq!(scene.count("dead").await, 2);
    assert_eq!(scene.receiver.ledger(Ledger::len), 6);
}

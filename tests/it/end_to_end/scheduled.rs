//! Events for later: delivered then, unless they are cancelled.

use super::{SOON, Scene};
use postrider_testkit::{Behaviour, Draft, Ledger, RestError};
use serde_json::json;
use std::time::Duration;

const DAYS_29: Duration = Duration::from_hours(29 * 24);

impl Scene {
    /// Publishes an event that is to be delivered in 29 days; gives its id.
    async fn publish_for_later(&self) -> String {
        let now = self.stack.hooks().now().await.unwrap();
        let draft = Draft {
            deliver_at: Some(now + DAYS_29),
            ..Draft::new("trial.ended", &json!({ "id": 7 }))
        };
        self.customer.producer().publish(&draft).await.unwrap().event_id
    }

    /// Publishes an event, and waits until it has arrived: what is due before it has gone out, too.
    async fn publish_and_wait(&self, arrived: usize) {
        let draft = Draft::new("user.created", &json!({ "id": 8 }));
        self.customer.producer().publish(&draft).await.unwrap();
        self.receiver.wait_for(|ledger| ledger.delivered() == arrived, SOON).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_for_later_is_delivered_then_and_not_before() {
    let scene = Scene::start(Behaviour::ok(), json!({})).await;
    scene.publish_for_later().await;
    let delivery = scene.only_delivery().await;
    assert_eq!((&delivery["status"], &delivery["attempts"]), (&json!("scheduled"), &json!(0)));
    scene.publish_and_wait(1).await;
    assert_eq!(scene.receiver.ledger(Ledger::len), 1);

    scene.stack.hooks().age(DAYS_29).await.unwrap();
    scene.receiver.wait_for(|ledger| ledger.delivered() == 2, SOON).await.unwrap();
    let requests = scene.receiver.ledger(|ledger| ledger.requests().to_vec());
    assert_eq!(requests[1].webhook_id, delivery["id"].as_str().unwrap());
    scene.oracle().assert_holds(SOON).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_for_later_can_be_cancelled_until_then() {
    let scene = Scene::start(Behaviour::ok(), json!({})).await;
    let event = scene.publish_for_later().await;
    let id = scene.only_delivery().await["id"].as_str().unwrap().to_owned();
    let rest = scene.customer.rest();
    let cancel = format!("/api/v1/events/{event}/cancel");
    let done = rest.post(&cancel, &json!({})).await.unwrap();
    assert_eq!(done, json!({ "cancelled": 1, "in_flight": 0, "finished": 0 }));

    scene.stack.hooks().age(DAYS_29).await.unwrap();
    scene.publish_and_wait(1).await;
    assert_eq!(scene.receiver.ledger(Ledger::len), 1);
    let delivery = rest.delivery(&id).await.unwrap();
    assert_eq!(delivery["dead_reason"], "cancelled");
    let path = format!("/api/v1/deliveries/{id}/cancel");
    let refused = rest.post(&path, &json!({})).await;
    assert!(matches!(refused, Err(RestError::Refused { status: 409, .. })), "{refused:?}");
    scene.oracle().assert_holds(SOON).await;
}

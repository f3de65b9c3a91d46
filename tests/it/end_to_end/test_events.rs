//! Test events, to the receiver and back: one request, and nothing else changes.

use super::{SOON, Scene};
use postrider_testkit::{Answer, Behaviour, Draft, Ledger};
use serde_json::{Value, json};
use std::time::Duration;

impl Scene {
    /// Asks for a test event, and gives its delivery once that is finished.
    async fn test(&self, event: &Value) -> Value {
        let rest = self.customer.rest();
        let path = format!("/api/v1/webhooks/{}/test", self.hook.id);
        let accepted = rest.post(&path, event).await.unwrap();
        let id = accepted["delivery_id"].as_str().unwrap();
        let finished = async {
            let mut ticks = tokio::time::interval(Duration::from_millis(20));
            loop {
                ticks.tick().await;
                let delivery = rest.delivery(id).await.unwrap();
                if delivery["finished_at"].is_string() {
                    return delivery;
                }
            }
        };
        tokio::time::timeout(SOON, finished).await.expect("the test is finished")
    }

    async fn webhook(&self) -> Value {
        let path = format!("/api/v1/webhooks/{}", self.hook.id);
        self.customer.rest().get(&path).await.unwrap()
    }

    /// How many deliveries count as attempted, and how many as dead.
    async fn statistics(&self) -> (Option<u64>, Option<u64>) {
        let webhook = self.webhook().await;
        (webhook["delivery_count"].as_u64(), webhook["failure_count"].as_u64())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_test_of_a_paused_webhook_is_one_request_and_nothing_else() {
    let settings = json!({ "events": ["x"], "is_active": false, "retry_schedule": [0, 0] });
    let scene = Scene::start(Behaviour::ok(), settings).await;
    let before = scene.webhook().await;

    // The first answer would switch a webhook off, the second would be tried again.
    for (status, reason) in [(410, "gone"), (500, "exhausted")] {
        scene.receiver.behave(Behaviour::always(Answer::Status(status)));
        let sent = scene.receiver.ledger(Ledger::len);
        let delivery = scene.test(&json!({ "event": "contact.created" })).await;
        assert_eq!((&delivery["status"], &delivery["test"]), (&json!("dead"), &json!(true)));
        assert_eq!(delivery["dead_reason"], reason);
        assert_eq!(delivery["attempts"], 1);
        assert_eq!(delivery["last_status_code"], status);
        assert_eq!(scene.receiver.ledger(Ledger::len), sent + 1);
        assert_eq!(scene.webhook().await, before, "not on, not disabled, no statistics");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_is_signed_and_says_what_the_example_says() {
    let scene = Scene::start(Behaviour::ok(), json!({ "events": ["user.created"] })).await;
    let delivery = scene.test(&json!({ "event": "contact.created" })).await;
    assert_eq!(delivery["status"], "delivered");
    let payload = json!({ "event": "order.paid", "payload": { "total": 7 } });
    assert_eq!(scene.test(&payload).await["status"], "delivered");

    let requests = scene.receiver.ledger(|ledger| ledger.requests().to_vec());
    let bodies: Vec<Value> =
        requests.iter().map(|request| serde_json::from_slice(&request.body).unwrap()).collect();
    assert_eq!(requests[0].webhook_id, delivery["id"].as_str().unwrap());
    assert_eq!(bodies[0]["type"], "contact.created");
    assert_eq!(bodies[0]["data"]["first_name"], "John");
    assert_eq!(
        (&bodies[1]["type"], &bodies[1]["data"]),
        (&json!("order.paid"), &json!({"total": 7}))
    );
    assert_eq!(scene.receiver.ledger(Ledger::refused), 0, "both are signed");
    assert_eq!(scene.statistics().await, (Some(0), Some(0)));

    // What is no test counts, so the zeros mean something.
    let draft = Draft::new("user.created", &json!({ "id": 7 }));
    scene.customer.producer().publish(&draft).await.unwrap();
    scene.receiver.wait_for(|ledger| ledger.delivered() == 3, SOON).await.unwrap();
    let counted = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        while scene.statistics().await != (Some(1), Some(0)) {
            ticks.tick().await;
        }
    };
    tokio::time::timeout(SOON, counted).await.expect("the delivery is counted");
}

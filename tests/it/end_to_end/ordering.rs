//! Order by key: what a receiver sees of one ordering key, it sees in the order of acceptance.

use super::{SOON, Scene};
use futures::future::join_all;
use postrider_testkit::{Answer, Behaviour, Draft, Ledger};
use serde_json::{Value, json};
use std::time::Duration;

const LONG: Duration = Duration::from_mins(5);

/// An event of a key, with a number.
pub(crate) fn draft(key: &str, n: usize) -> Draft {
    let ordering_key = Some(key.to_owned());
    Draft { ordering_key, ..Draft::new("user.changed", &json!({ "key": key, "n": n })) }
}

/// The key and the number in the body of a request; Standard Webhooks has the payload below `data`.
fn told(body: &[u8]) -> (String, u64) {
    let body: Value = serde_json::from_slice(body).unwrap();
    let data = &body["data"];
    (data["key"].as_str().unwrap().to_owned(), data["n"].as_u64().unwrap())
}

/// The numbers of a key in the order in which they came in; those of tries that follow each other once.
pub(crate) fn seen(ledger: &Ledger, key: &str) -> Vec<u64> {
    let requests = ledger.requests().iter().map(|request| told(&request.body));
    let mut numbers: Vec<u64> = requests.filter(|(of, _)| of == key).map(|(_, n)| n).collect();
    numbers.dedup();
    numbers
}

impl Scene {
    async fn publish(&self, key: &str, n: usize) {
        self.customer.producer().publish(&draft(key, n)).await.unwrap();
    }

    async fn delivery_of(&self, key: &str, n: u64) -> Value {
        let of = async |id: &Value| {
            let event = id["event_id"].as_str().unwrap();
            let event = self.customer.rest().get(&format!("/api/v1/events/{event}")).await.unwrap();
            (event["ordering_key"] == key, event["data"]["n"] == n)
        };
        for delivery in self.customer.rest().deliveries("limit=100").await.unwrap() {
            if of(&delivery).await == (true, true) {
                return delivery;
            }
        }
        panic!("there is no delivery {n} of {key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_key_is_seen_in_its_order_whatever_fails() {
    const KEYS: usize = 10;
    const EVENTS: usize = 100;
    // One in five fails once or twice; one in fifty for good.
    let failing = Behaviour::scripted(|asked| {
        let (_, n) = told(asked.body);
        match (n % 50, n % 5) {
            (49, _) => Answer::Status(500),
            (_, 0) if asked.attempt <= 2 => Answer::Status(503),
            _ => Answer::Status(200),
        }
    });
    let hook = json!({ "ordering": "by_key", "retry_schedule": [0, 0] });
    let scene = Scene::start(failing, hook).await;
    let keys: Vec<String> = (0..KEYS).map(|key| format!("user:{key}")).collect();
    join_all(keys.iter().map(async |key| {
        for n in 0..EVENTS {
            scene.publish(key, n).await;
        }
    }))
    .await;

    scene.oracle().assert_holds(LONG).await;
    for key in &keys {
        let seen = scene.receiver.ledger(|ledger| seen(ledger, key));
        assert_eq!(seen, (0..EVENTS as u64).collect::<Vec<_>>(), "{key}");
    }
    let dead = scene.customer.rest().deliveries("status=dead&limit=100").await.unwrap();
    assert_eq!(dead.len(), KEYS * EVENTS / 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_held_up_holds_up_no_other() {
    let hanging = Behaviour::scripted(|asked| match told(asked.body) {
        (key, _) if key == "slow" => Answer::Hang,
        _ => Answer::Status(200),
    });
    let hook = json!({ "ordering": "by_key", "timeout": 120 });
    let scene = Scene::start(hanging, hook).await;
    scene.publish("slow", 0).await;
    scene.receiver.wait_for(|ledger| ledger.open() == 1, SOON).await.unwrap();
    for n in 0..20 {
        scene.publish(&format!("fast:{}", n % 4), n).await;
    }
    scene.publish("slow", 1).await;
    scene.publish("fast:0", 20).await;
    scene.receiver.wait_for(|ledger| ledger.delivered() == 21, SOON).await.unwrap();

    assert_eq!(scene.receiver.ledger(|ledger| seen(ledger, "slow")), [0]);
    assert_eq!(scene.delivery_of("slow", 1).await["status"], "waiting");
    let fast = scene.receiver.ledger(|ledger| seen(ledger, "fast:0"));
    assert_eq!(fast, [0, 4, 8, 12, 16, 20]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_waits_until_the_one_that_failed_is_replayed_or_discarded() {
    let hook = json!({
        "ordering": "by_key", "ordering_on_failure": "wait", "retry_schedule": [],
    });
    let failing = Behaviour::scripted(|asked| match told(asked.body) {
        (key, 0) if key != "good" => Answer::Status(500),
        _ => Answer::Status(200),
    });
    let scene = Scene::start(failing, hook).await;
    for (key, n) in [("a", 0), ("a", 1), ("a", 2), ("b", 0), ("b", 1)] {
        scene.publish(key, n).await;
    }
    let refused = |ledger: &Ledger| {
        ledger.requests().iter().filter(|request| request.status == Some(500)).count() == 2
    };
    scene.receiver.wait_for(refused, SOON).await.unwrap();
    scene.publish("good", 0).await;
    scene.receiver.wait_for(|ledger| ledger.delivered() == 1, SOON).await.unwrap();
    let (first, second) = (scene.delivery_of("a", 0).await, scene.delivery_of("a", 1).await);
    assert_eq!((&second["status"], &second["waits_for"]), (&json!("waiting"), &first["id"]));
    assert_eq!(second["ordering_key"], "a");

    scene.receiver.behave(Behaviour::ok());
    let rest = scene.customer.rest();
    rest.replay(first["id"].as_str().unwrap()).await.unwrap();
    let dead = scene.delivery_of("b", 0).await["id"].as_str().unwrap().to_owned();
    rest.post(&format!("/api/v1/dead-letters/{dead}/discard"), &json!({})).await.unwrap();
    scene.receiver.wait_for(|ledger| ledger.delivered() == 5, SOON).await.unwrap();
    let order = |key: &str| scene.receiver.ledger(|ledger| seen(ledger, key));
    assert_eq!(order("a"), [0, 1, 2]);
    assert_eq!(order("b"), [0, 1]);
    scene.oracle().assert_holds(SOON).await;
}

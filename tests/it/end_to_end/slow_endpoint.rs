//! One endpoint that hangs, beside one that does not.

use super::{SOON, Scene};
use postrider_testkit::{Behaviour, Draft, Ledger, Receiver, machine};
use serde_json::{Value, json};
use std::time::Duration;

/// What is due to the endpoint that hangs: more than it may have in flight, for several time-outs.
const HANGING: usize = 300;
/// What goes to the healthy endpoint, one after the other at this pace.
const HEALTHY: usize = 200;
const PACE: Duration = Duration::from_millis(30);
/// From the start of the publish to the receipt, for each event.
const LONGEST: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_hangs_does_not_delay_the_others() {
    let _quiet = machine::quiet().await;
    let hook = json!({ "events": ["healthy"] });
    let scene = Scene::start(Behaviour::ok(), hook).await;
    let hanging = Receiver::start(Behaviour::hanging()).await;
    let hook = json!({ "events": ["hanging"], "timeout": 5, "retry_schedule": [1] });
    scene.customer.hook(&hanging, hook).await;
    let producer = scene.customer.producer();

    let due = (0..HANGING).map(|n| Draft::new("hanging", &json!({ "n": n }))).collect();
    producer.publish_all(due, 64).await.unwrap();
    hanging.wait_for(|ledger| ledger.open() > 0, SOON).await.unwrap();

    let mut pace = tokio::time::interval(PACE);
    let mut published = Vec::new();
    for n in 0..HEALTHY {
        pace.tick().await;
        let draft = Draft::new("healthy", &json!({ "n": n }));
        published.push(producer.publish(&draft).await.unwrap());
    }
    scene.receiver.wait_for(|ledger| ledger.delivered() == HEALTHY, SOON).await.unwrap();
    assert!(hanging.ledger(Ledger::len) > 0, "the other one hung all the while");

    let requests = scene.receiver.ledger(|ledger| ledger.requests().to_vec());
    assert_eq!(requests.len(), HEALTHY);
    let longest = requests
        .iter()
        .map(|request| {
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            let n = usize::try_from(body["data"]["n"].as_u64().unwrap()).unwrap();
            request.arrived - published[n].began
        })
        .max()
        .unwrap();
    assert!(longest <= LONGEST, "an event took {longest:?} to its healthy receiver");
}

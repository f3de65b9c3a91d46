//! Receivers that fail, and endpoints with a schedule of their own.

use super::{SOON, Scene};
use postrider_testkit::{Answer, Behaviour, Draft, Ledger};
use serde_json::json;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_delivery_is_tried_again_on_the_endpoints_own_schedule() {
    let failing = Behaviour::per_delivery([Answer::Status(500), Answer::Status(503)]);
    let scene = Scene::start(failing, json!({ "retry_schedule": [1, 1] })).await;
    let draft = Draft::new("user.created", &json!({ "id": 7 }));

    scene.customer.producer().publish(&draft).await.unwrap();
    scene.receiver.wait_for(|ledger| ledger.delivered() == 1, SOON).await.unwrap();
    scene.oracle().assert_holds(SOON).await;

    let requests = scene.receiver.ledger(|ledger| ledger.requests().to_vec());
    let statuses: Vec<_> = requests.iter().filter_map(|request| request.status).collect();
    assert_eq!(statuses, [500, 503, 200]);
    for pair in requests.windows(2) {
        let waited = pair[1].arrived - pair[0].arrived;
        assert!(waited >= Duration::from_secs(1), "tried again after only {waited:?}");
        assert_eq!(pair[0].webhook_id, pair[1].webhook_id);
        assert_eq!(pair[0].body, pair[1].body);
        let timestamp = |index: usize| pair[index].header("webhook-timestamp").unwrap();
        assert_ne!(timestamp(0), timestamp(1), "each attempt is signed with its own time");
    }

    let attempts = scene.customer.rest().attempts(&requests[0].webhook_id).await.unwrap();
    let shown: Vec<_> = attempts
        .iter()
        .map(|attempt| (attempt["number"].as_u64(), attempt["response"]["status"].as_u64()))
        .collect();
    assert_eq!(shown, [(Some(1), Some(500)), (Some(2), Some(503)), (Some(3), Some(200))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_never_succeeds_is_dead_when_its_schedule_ends() {
    let failing = Behaviour::always(Answer::Status(500));
    let scene = Scene::start(failing, json!({ "retry_schedule": [0, 1] })).await;

    let draft = Draft::new("user.created", &json!({ "id": 7 }));
    scene.customer.producer().publish(&draft).await.unwrap();
    scene.oracle().assert_holds(SOON).await;

    assert_eq!(scene.receiver.ledger(Ledger::len), 3);
    let delivery = scene.only_delivery().await;
    assert_eq!(delivery["status"], "dead");
    assert_eq!(delivery["dead_reason"], "exhausted");
    assert_eq!(delivery["attempts"], 3);
    assert_eq!(delivery["last_status_code"], 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_does_not_answer_is_given_up_after_the_endpoints_time_out() {
    let slow = Behaviour::per_delivery([Answer::Hang, Answer::Close]);
    let scene = Scene::start(slow, json!({ "timeout": 1, "retry_schedule": [0, 0] })).await;

    let draft = Draft::new("user.created", &json!({ "id": 7 }));
    scene.customer.producer().publish(&draft).await.unwrap();
    scene.receiver.wait_for(|ledger| ledger.delivered() == 1, SOON).await.unwrap();
    scene.oracle().assert_holds(SOON).await;

    let delivery = scene.only_delivery().await;
    let id = delivery["id"].as_str().unwrap();
    let attempts = scene.customer.rest().attempts(id).await.unwrap();
    let failures: Vec<_> = attempts.iter().map(|attempt| attempt["failure"].as_str()).collect();
    assert_eq!(failures, [Some("timeout"), Some("closed"), None]);
}

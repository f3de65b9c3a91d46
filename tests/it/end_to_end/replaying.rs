//! Deliveries that somebody asks for again.

use super::{SOON, Scene};
use postrider_testkit::{Behaviour, Draft, RestError};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_replayed_delivery_keeps_its_id_and_its_body() {
    let scene = Scene::start(Behaviour::ok(), json!({})).await;
    let draft = Draft::new("user.created", &json!({ "id": 7 }));
    scene.customer.producer().publish(&draft).await.unwrap();
    scene.oracle().assert_holds(SOON).await;
    let before = scene.only_delivery().await;
    let id = before["id"].as_str().unwrap();

    let answered = scene.customer.rest().replay(id).await.unwrap();
    assert_eq!(answered["round"], 2);
    scene.receiver.wait_for(|ledger| ledger.len() == 2, SOON).await.unwrap();
    scene.oracle().assert_holds(SOON).await;

    let requests = scene.receiver.ledger(|ledger| ledger.requests().to_vec());
    assert_eq!(requests[0].webhook_id, id);
    assert_eq!(requests[1].webhook_id, id);
    assert_eq!(requests[0].body, requests[1].body);
    let after = scene.only_delivery().await;
    assert_eq!(after["status"], "delivered");
    assert_eq!((after["round"].as_u64(), after["attempts"].as_u64()), (Some(2), Some(2)));
    let attempts = scene.customer.rest().attempts(id).await.unwrap();
    let rounds: Vec<_> = attempts.iter().map(|attempt| attempt["round"].as_u64()).collect();
    assert_eq!(rounds, [Some(1), Some(2)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_is_not_finished_is_not_replayed() {
    let scene = Scene::start(Behaviour::hanging(), json!({ "timeout": 30 })).await;
    let draft = Draft::new("user.created", &json!({ "id": 7 }));
    scene.customer.producer().publish(&draft).await.unwrap();
    scene.receiver.wait_for(|ledger| ledger.open() == 1, SOON).await.unwrap();

    let delivery = scene.only_delivery().await;
    let refused = scene.customer.rest().replay(delivery["id"].as_str().unwrap()).await;
    assert!(matches!(refused, Err(RestError::Refused { status: 409, .. })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_as_new_is_another_delivery_with_the_same_body() {
    let scene = Scene::start(Behaviour::ok(), json!({})).await;
    let draft = Draft::new("user.created", &json!({ "id": 7 }));
    scene.customer.producer().publish(&draft).await.unwrap();
    scene.oracle().assert_holds(SOON).await;
    let before = scene.only_delivery().await;

    let path =
        format!("/api/v1/webhooks/{}/replay/{}", scene.hook.id, before["id"].as_str().unwrap());
    let rest = scene.customer.rest();
    let new = rest.post(&path, &json!({ "as_new": true })).await.unwrap();
    scene.receiver.wait_for(|ledger| ledger.delivered() == 2, SOON).await.unwrap();
    let requests = scene.receiver.ledger(|ledger| ledger.requests().to_vec());
    assert_eq!(requests[0].webhook_id, before["id"].as_str().unwrap());
    assert_eq!(requests[1].webhook_id, new["id"].as_str().unwrap());
    assert_ne!(requests[0].webhook_id, requests[1].webhook_id);
    assert_eq!(requests[0].body, requests[1].body);
    assert_eq!(scene.receiver.ledger(postrider_testkit::Ledger::refused), 0);
}

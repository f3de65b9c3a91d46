//! An event that everything goes well with.

use super::{SOON, Scene};
use postrider_testkit::{Behaviour, Draft, Ledger, Oracle, Receiver};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn an_event_reaches_its_receiver_signed_and_verified_and_is_on_record() {
    let scene = Scene::start(Behaviour::ok(), json!({})).await;
    let draft = Draft::new("user.created", &json!({ "id": 7, "name": "Jürgen", "quota": null }));

    let published = scene.customer.producer().publish(&draft).await.unwrap();
    assert_eq!((published.deliveries, published.duplicate), (1, false));
    scene.receiver.wait_for(|ledger| ledger.delivered() == 1, SOON).await.unwrap();
    scene.oracle().assert_holds(SOON).await;

    let request = scene.receiver.ledger(|ledger| ledger.requests()[0].clone());
    assert_eq!(request.verified, Ok(()));
    assert_eq!(request.line, "POST /hook");
    assert_eq!(request.header("content-type"), Some("application/json"));
    let names: Vec<_> = request.headers.iter().map(|(name, _)| name.as_str()).collect();
    for name in ["Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"] {
        assert!(names.contains(&name), "{name} in title case is not among {names:?}");
    }

    let delivery = scene.only_delivery().await;
    assert_eq!(delivery["id"], request.webhook_id.as_str());
    assert_eq!(delivery["event_id"], published.event_id.as_str());
    assert_eq!(delivery["webhook_id"], scene.hook.id.as_str());
    assert_eq!(delivery["status"], "delivered");
    assert_eq!(delivery["last_status_code"], 200);

    let attempts = scene.customer.rest().attempts(&request.webhook_id).await.unwrap();
    assert_eq!(attempts.len(), 1, "{attempts:?}");
    assert_eq!(attempts[0]["response"]["status"], 200);
    assert_eq!(attempts[0]["request"]["body"].as_str().unwrap().as_bytes(), request.body);
    let shown = attempts[0]["request"]["headers"].as_array().unwrap();
    let signature = shown
        .iter()
        .find(|header| header["name"].as_str().unwrap().eq_ignore_ascii_case("webhook-signature"));
    assert_eq!(signature.unwrap()["value"], request.header("webhook-signature").unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_published_twice_with_one_key_is_sent_once() {
    let scene = Scene::start(Behaviour::ok(), json!({})).await;
    let producer = scene.customer.producer();
    let draft = Draft::new("user.created", &json!({ "id": 7 }));

    let first = producer.publish(&draft).await.unwrap();
    let second = producer.publish(&draft).await.unwrap();
    assert_eq!((first.duplicate, second.duplicate), (false, true));
    assert_eq!(first.event_id, second.event_id);

    // Whatever comes after it has been through the same queue.
    producer.publish(&Draft::new("user.deleted", &json!({ "id": 7 }))).await.unwrap();
    scene.oracle().assert_holds(SOON).await;
    assert_eq!(scene.receiver.ledger(Ledger::len), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_endpoint_gets_the_types_that_it_asked_for() {
    let scene = Scene::start(Behaviour::ok(), json!({ "events": ["user.created"] })).await;
    let all = Receiver::start(Behaviour::ok()).await;
    let all_hook = scene.customer.hook(&all, json!({})).await;

    let producer = scene.customer.producer();
    let mut made = Vec::new();
    for event_type in ["user.created", "user.deleted", "user.created.late"] {
        let draft = Draft::new(event_type, &json!({ "type_was": event_type }));
        made.push(producer.publish(&draft).await.unwrap().deliveries);
    }
    assert_eq!(made, [2, 1, 1]);

    let oracle = Oracle::new(scene.stack.store(), &scene.customer)
        .watch(&scene.hook, &scene.receiver)
        .watch(&all_hook, &all);
    oracle.assert_holds(SOON).await;
    assert_eq!(scene.receiver.ledger(Ledger::len), 1);
    assert_eq!(all.ledger(Ledger::len), 3);
}

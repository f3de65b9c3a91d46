//! The operators' guide, followed to the letter.

use super::scene::Scene;
use super::{block, guides_contract, parse, place};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn what_the_guide_says_is_what_a_receiver_gets() {
    let scene = Scene::start().await;
    place(scene.folder.path(), &guides_contract());
    let contract = parse(&guides_contract());

    let customer = scene.customer("acme").await;
    let payload = contract.catalogued("order.placed").unwrap().example();
    let payload = serde_json::from_slice(payload.as_bytes()).unwrap();
    let request = customer.receives(&payload).await;

    customer.verify(&request, &guides_contract());
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let said = block("json").replacen("2024-01-20T15:00:00Z", body["at"].as_str().unwrap(), 1);
    assert_eq!(String::from_utf8_lossy(&request.body), said);
    assert_eq!(request.header("user-agent"), Some("Acme-Webhooks/2"));
    assert_eq!(request.header("x-acme-event"), Some("order.placed"));
    assert!(request.webhook_id.starts_with("dlv_"), "{}", request.webhook_id);
    assert!(customer.endpoint["id"].as_str().unwrap().starts_with("ep_"));
    let attempts = scene.attempts(&request).await;
    let made_by = attempts
        .iter()
        .map(|attempt| (attempt.record.contract.as_str(), attempt.record.contract_digest));
    // None, if the receiver was quicker than the log.
    assert!(made_by.clone().all(|by| by == ("acme", Some(contract.digest()))), "{attempts:?}");
}

//! A contract that changes, breaks and goes while it is in use.

use super::scene::Scene;
use super::{guides_contract, next_version, parse, place};
use postrider_broker::conformance::eventually;
use postrider_testkit::Service;
use postrider_testkit::receiver::Received;
use serde_json::{Value, json};
use std::fs;

/// The payload of an order.
fn order(number: u32) -> Value {
    json!({ "order": { "id": number } })
}

/// The version that the body is of, and the one that the headers are of.
fn versions(request: &Received) -> (String, String) {
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let agent = request.header("user-agent").unwrap();
    (body["version"].as_str().unwrap().to_owned(), agent.replace("Acme-Webhooks/", ""))
}

fn of(body: &str, headers: &str) -> (String, String) {
    (body.to_owned(), headers.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_keeps_its_body_and_gets_the_headers_of_the_newest_version() {
    let mut scene = Scene::start().await;
    place(scene.folder.path(), &guides_contract());
    let customer = scene.customer("acme").await;
    let first = customer.receives(&order(1)).await;
    assert_eq!(versions(&first), of("2", "2"));

    place(scene.folder.path(), &next_version());
    let next = parse(&next_version()).digest();
    eventually(async || {
        let in_force = scene.stack.store().contracts_in_force().await.unwrap().contracts;
        let is_next = in_force.iter().any(|kept| kept.name == "acme" && kept.digest == next);
        if is_next { Ok(()) } else { Err(in_force) }
    })
    .await;
    let second = customer.receives(&order(2)).await;
    assert_eq!(versions(&second), of("3", "3"));
    customer.verify(&second, &next_version());

    let again = customer.receives_again(&first).await;
    assert_eq!(versions(&again), of("2", "3"));
    assert_eq!(again.body, first.body);
    customer.verify(&again, &next_version());
    let shown = customer.rest.attempts(&first.webhook_id).await.unwrap();
    assert_eq!(shown[0]["request"]["body"].as_str().unwrap().as_bytes(), first.body);

    // A broken file changes nothing.
    place(scene.folder.path(), &next_version().replacen("timeout = 10", "timeout = 0", 1));
    scene.until_logged("a contract file is refused").await;
    assert_eq!(versions(&customer.receives(&order(3)).await), of("3", "3"));

    // Nor does one that is gone, even for processes that start anew.
    fs::remove_file(scene.folder.path().join("acme.toml")).unwrap();
    for service in Service::one_per_process() {
        scene.stack.kill9(service).await;
        scene.stack.restart(service).await;
    }
    let third = customer.receives(&order(4)).await;
    assert_eq!(versions(&third), of("3", "3"));
    customer.verify(&third, &next_version());
    let again = customer.receives_again(&first).await;
    assert_eq!(versions(&again), of("2", "3"));
    assert_eq!(again.body, first.body);
}

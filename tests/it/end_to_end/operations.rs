//! What an operator is told, through real processes and as signed events: of a customer's endpoint that
//! is about to be switched off, is, and is back; never of the operator's own.

use super::SOON;
use postrider_testkit::{
    Answer, Behaviour, Customer, Draft, Receiver, Service, Stack, StackOptions,
};
use serde_json::{Value, json};
use std::time::Duration;

const OPERATOR: &str = "POSTRIDER_OPERATOR_TENANT";

async fn start() -> Stack {
    let options = Service::ALL.into_iter();
    let options = options
        .fold(StackOptions::default(), |options, service| options.env(service, OPERATOR, "ops"));
    Stack::start(options).await
}

/// Waits until an operator was told so many events, and gives them in the order in which they happened.
async fn told(receiver: &Receiver, count: usize) -> Vec<Value> {
    receiver.wait_for(|ledger| ledger.delivered() == count, SOON).await.unwrap();
    let requests = receiver.ledger(|ledger| ledger.requests().to_vec());
    assert!(requests.iter().all(|request| request.verified == Ok(())), "all are signed");
    let mut events: Vec<Value> =
        requests.iter().map(|request| serde_json::from_slice(&request.body).unwrap()).collect();
    events.sort_by_key(|event| event["data"]["at"].as_str().unwrap().to_owned());
    events
}

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

/// Waits until every delivery of an endpoint is dead, of which there are so many.
async fn until_dead(customer: &Customer, hook: &str, count: usize) {
    let query = format!("webhook_id={hook}&status=dead");
    let dead = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        while customer.rest().deliveries(&query).await.unwrap().len() < count {
            ticks.tick().await;
        }
    };
    tokio::time::timeout(SOON, dead).await.expect("they die");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_is_told_what_becomes_of_a_customers_endpoint() {
    let stack = start().await;
    let (operator, customer) = (stack.customer("ops").await, stack.customer("acme").await);
    let pager = Receiver::start(Behaviour::ok()).await;
    operator.hook(&pager, json!({})).await;
    // It would tell of itself for ever.
    let broken = Receiver::start(Behaviour::always(Answer::Status(410))).await;
    let broken = operator.hook(&broken, json!({ "events": ["endpoint.failing"] })).await;
    let failing = Receiver::start(Behaviour::always(Answer::Status(500))).await;
    let settings = json!({ "contract": "cathcr", "retry_schedule": [0, 1] });
    let hook = customer.hook(&failing, settings).await;

    let draft = Draft::new("thought.created", &json!({ "id": 7 }));
    customer.producer().publish(&draft).await.unwrap();
    let events = told(&pager, 3).await;
    let mut seen = types(&events);
    seen[1..].sort_unstable();
    assert_eq!(seen, ["endpoint.failing", "delivery.dead", "endpoint.disabled"]);
    for event in &events {
        assert_eq!(event["data"]["tenant_id"], "acme");
        assert_eq!(event["data"]["webhook_id"], hook.id);
        assert_eq!(event["data"]["url"], failing.url());
    }
    let reasons: Vec<_> = events.iter().map(|event| &event["data"]["reason"]).collect();
    assert_eq!(reasons, ["last_attempt_left", "exhausted", "exhausted"]);
    assert_eq!(events[0]["data"]["attempts"], 2);
    until_dead(&operator, &broken.id, 1).await;

    let path = format!("/api/v1/webhooks/{}", hook.id);
    customer.rest().patch(&path, &json!({ "is_active": true })).await.unwrap();
    let events = told(&pager, 4).await;
    assert_eq!(types(&events)[3], "endpoint.enabled");
    assert_eq!(events[3]["data"]["reason"], "resumed");
    let path = format!("/api/v1/webhooks/{}", broken.id);
    let broken = operator.rest().get(&path).await.unwrap();
    assert_eq!(broken["disabled"]["reason"], "gone", "and yet nobody was told");
}

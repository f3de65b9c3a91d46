//! `kill -9` in the middle of two thousand events.

use super::{REPAIRED, publish};
use postrider_common::attempt::FailureKind;
use postrider_testkit::{
    Answer, Behaviour, Faults, Ledger, Oracle, Receiver, Service, Stack, StackOptions, machine,
    only_on,
};
use serde_json::json;
use std::time::Duration;

const EVENTS: usize = 2_000;
/// When the service is killed: deliveries made.
const KILLED_AT: usize = 600;
/// Deliveries that the dispatcher may have in flight here.
const IN_FLIGHT: usize = 64;
/// How long the receiver takes, so that there is something in flight at every moment.
const ANSWERS_AFTER: Duration = Duration::from_millis(100);

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_dispatcher_loses_nothing_and_repeats_at_most_what_was_in_flight() {
    let _loaded = machine::load().await;
    let options = StackOptions::default().env(
        Service::Dispatcher,
        "POSTRIDER_MAX_IN_FLIGHT",
        IN_FLIGHT.to_string(),
    );
    let mut stack = Stack::start(options).await;
    let customer = stack.customer("acme").await;
    let receiver = Receiver::start(Behaviour::always(Answer::Later(ANSWERS_AFTER, 200))).await;
    let hook = customer.hook(&receiver, json!({ "timeout": 2, "retry_schedule": [1, 1] })).await;

    let publishing = publish(&customer, EVENTS);
    receiver.wait_for(|ledger| ledger.delivered() >= KILLED_AT, REPAIRED).await.unwrap();
    stack.kill9(Service::Dispatcher).await;
    stack.restart(Service::Dispatcher).await;
    publishing.await.unwrap().unwrap();

    let faults = Faults { crashes: 1, in_flight: IN_FLIGHT, cut: 0 };
    let oracle = Oracle::new(stack.store(), &customer).watch(&hook, &receiver);
    let evidence = oracle.faults(faults).assert_holds(REPAIRED).await;
    assert_eq!(evidence.published.len(), EVENTS);
    let attempts = evidence.obligations.iter().flat_map(|obligation| &obligation.attempts);
    let lost = attempts.filter(|attempt| attempt.record.failure == Some(FailureKind::Lost));
    assert!((1..=IN_FLIGHT).contains(&lost.count()), "the kill hit nothing that was in flight");
    assert_eq!(receiver.ledger(Ledger::delivered), EVENTS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_ingest_loses_nothing_that_it_acknowledged_and_repeats_nothing() {
    only_on!(Distributed);
    let _loaded = machine::load().await;
    let mut stack = Stack::start(StackOptions::default()).await;
    let customer = stack.customer("acme").await;
    let receiver = Receiver::start(Behaviour::ok()).await;
    let hook = customer.hook(&receiver, json!({})).await;

    let publishing = publish(&customer, EVENTS);
    receiver.wait_for(|ledger| ledger.delivered() >= KILLED_AT, REPAIRED).await.unwrap();
    stack.kill9(Service::Ingest).await;
    stack.restart(Service::Ingest).await;
    let published = publishing.await.unwrap().unwrap();
    assert!(published.iter().any(|event| event.calls > 1), "nobody noticed the kill");

    let oracle = Oracle::new(stack.store(), &customer).watch(&hook, &receiver);
    let evidence = oracle.assert_holds(REPAIRED).await;
    assert_eq!(evidence.obligations.len(), EVENTS, "each key made one event");
}

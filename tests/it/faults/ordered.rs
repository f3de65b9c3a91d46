//! `kill -9` in the middle of events that are ordered by key: each key goes on where it was.

use super::{AHEAD, REPAIRED};
use crate::end_to_end::ordering::{draft, seen};
use futures::future::try_join_all;
use postrider_common::attempt::FailureKind;
use postrider_testkit::{
    Answer, Behaviour, Customer, Faults, Ledger, Oracle, PublishError, Receiver, Service, Stack,
    StackOptions, machine,
};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

const KEYS: usize = 24;
/// Of each key.
const EVENTS: usize = 50;
/// How long the receiver takes, so that there is something in flight at every moment.
const ANSWERS_AFTER: Duration = Duration::from_millis(20);
/// What is killed, and when: deliveries made. On the embedded pair all are the same process.
const KILLS: [(usize, Service); 3] = [
    (KEYS * 10, Service::Dispatcher),
    (KEYS * 20, Service::Ingest),
    (KEYS * 30, Service::Dispatcher),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_key_is_seen_in_its_order_whoever_is_killed() {
    let _loaded = machine::load().await;
    let mut stack = Stack::start(StackOptions::default()).await;
    let customer = stack.customer("acme").await;
    let slow = Behaviour::always(Answer::Later(ANSWERS_AFTER, 200));
    let receiver = Arc::new(Receiver::start(slow).await);
    let hook = json!({ "ordering": "by_key", "ordering_on_failure": "wait", "timeout": 1 });
    let hook = customer.hook(&receiver, hook).await;

    let keys: Vec<String> = (0..KEYS).map(|key| format!("user:{key}")).collect();
    let publishing = publish(&customer, &receiver, &keys);
    for (delivered, service) in KILLS {
        receiver.wait_for(|ledger| ledger.delivered() >= delivered, REPAIRED).await.unwrap();
        stack.kill9(service).await;
        stack.restart(service).await;
    }
    publishing.await.unwrap().unwrap();

    // A key has one request at a time.
    let faults = Faults { crashes: KILLS.len(), in_flight: KEYS, cut: 0 };
    let oracle = Oracle::new(stack.store(), &customer).watch(&hook, &receiver);
    let evidence = oracle.faults(faults).assert_holds(REPAIRED).await;
    for key in &keys {
        let seen = receiver.ledger(|ledger| seen(ledger, key));
        assert_eq!(seen, (0..EVENTS as u64).collect::<Vec<_>>(), "{key}");
    }
    assert_eq!(evidence.obligations.len(), KEYS * EVENTS, "each key made one event");
    assert_eq!(receiver.ledger(Ledger::delivered), KEYS * EVENTS);
    let attempts = evidence.obligations.iter().flat_map(|obligation| &obligation.attempts);
    let lost = attempts.filter(|attempt| attempt.record.failure == Some(FailureKind::Lost)).count();
    assert!((1..=KILLS.len() * KEYS).contains(&lost), "{lost} attempts were in flight");
    assert!(evidence.published.iter().any(|event| event.calls > 1), "ingest was always there");
}

/// Publishes each key's events one after the other, all keys at a time, never far ahead of what the
/// receiver has got.
fn publish(
    customer: &Customer,
    receiver: &Arc<Receiver>,
    keys: &[String],
) -> JoinHandle<Result<(), PublishError>> {
    let (producer, receiver) = (customer.producer().clone(), Arc::clone(receiver));
    let keys = keys.to_vec();
    tokio::spawn(async move {
        let of_key = async |key: &String| {
            for n in 0..EVENTS {
                producer.publish(&draft(key, n)).await?;
                let published = producer.ledger().len();
                let keeps_up = |seen: &Ledger| seen.delivered() + AHEAD >= published;
                receiver.wait_for(keeps_up, REPAIRED).await.unwrap();
            }
            Ok(())
        };
        try_join_all(keys.iter().map(of_key)).await.map(drop)
    })
}

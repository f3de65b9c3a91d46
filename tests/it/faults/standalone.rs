//! `postrider standalone`, killed and started again: the database in its data folder holds the
//! obligation, and whoever locks the folder takes over at once what the one before had in hand.
//!
//! Its crash points and its end by SIGTERM are those of the services, in `crash_points` and
//! `stopped`.

use super::{BURST, REPAIRED, publish, publish_along};
use postrider_common::attempt::FailureKind;
use postrider_testkit::{
    Answer, Behaviour, Faults, Ledger, Oracle, Receiver, Service, Stack, StackOptions, machine,
    only_on,
};
use serde_json::json;
use std::collections::BTreeMap;
use std::iter::repeat_n;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// All services are in the one process.
const STANDALONE: Service = Service::Ingest;
const PRODUCERS: usize = 8;
const EVENTS: usize = 2_000;
const KILLS: usize = 6;
/// Deliveries from kill to kill.
const BETWEEN: usize = 250;
const IN_FLIGHT: usize = 64;
const ANSWERS_AFTER: Duration = Duration::from_millis(50);

#[tokio::test(flavor = "multi_thread")]
async fn six_kills_among_two_thousand_events_lose_nothing() {
    only_on!(Embedded);
    let _loaded = machine::load().await;
    let in_flight = IN_FLIGHT.to_string();
    let options = StackOptions::default().env(STANDALONE, "POSTRIDER_MAX_IN_FLIGHT", in_flight);
    let mut stack = Stack::start(options).await;
    let customer = stack.customer("acme").await;
    let slow = Behaviour::always(Answer::Later(ANSWERS_AFTER, 200));
    let receiver = Arc::new(Receiver::start(slow).await);
    let hook = customer.hook(&receiver, json!({})).await;

    let bursts = repeat_n((), EVENTS / PRODUCERS / BURST);
    let producers = [(); PRODUCERS].map(|()| publish_along(&customer, &receiver, bursts.clone()));
    let mut ready_after = Vec::new();
    for kill in 1..=KILLS {
        let enough = |ledger: &Ledger| ledger.delivered() >= kill * BETWEEN;
        receiver.wait_for(enough, REPAIRED).await.unwrap();
        stack.kill9(STANDALONE).await;
        ready_after.push(stack.restart(STANDALONE).await);
    }
    println!("ready after {ready_after:?}");
    for producer in producers {
        producer.await.unwrap().unwrap();
    }

    let faults = Faults { crashes: KILLS, in_flight: IN_FLIGHT, cut: 0 };
    let oracle = Oracle::new(stack.store(), &customer).watch(&hook, &receiver);
    let evidence = oracle.faults(faults).assert_holds(REPAIRED).await;
    assert_eq!(evidence.obligations.len(), EVENTS, "each key made one event");
    assert_eq!(receiver.ledger(Ledger::delivered), EVENTS);
    assert!(evidence.published.iter().any(|event| event.calls > 1), "ingest was always there");
    let attempts = evidence.obligations.iter().flat_map(|obligation| &obligation.attempts);
    let lost = attempts.filter(|attempt| attempt.record.failure == Some(FailureKind::Lost)).count();
    assert!((1..=KILLS * IN_FLIGHT).contains(&lost), "{lost} attempts were in flight");
    println!("{lost} attempts were in flight, {} were repeated", evidence.duplicates());
}

/// Nobody waits for the end of a lease whose holder is dead.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_kill_left_in_flight_is_sent_again_at_once() {
    /// Of the endpoint; its leases last 10 s longer.
    const TIMEOUT: Duration = Duration::from_secs(30);
    only_on!(Embedded);
    let mut stack = Stack::start(StackOptions::default()).await;
    let customer = stack.customer("acme").await;
    let receiver = Receiver::start(Behaviour::at_first([Answer::Hang])).await;
    let hook = customer.hook(&receiver, json!({ "timeout": TIMEOUT.as_secs() })).await;
    publish(&customer, 1).await.unwrap().unwrap();
    receiver.wait_for(|ledger| ledger.open() == 1, REPAIRED).await.unwrap();

    stack.kill9(STANDALONE).await;
    stack.restart(STANDALONE).await;

    receiver.wait_for(|ledger| ledger.delivered() == 1, TIMEOUT).await.unwrap();
    let oracle = Oracle::new(stack.store(), &customer).watch(&hook, &receiver);
    let faults = Faults { crashes: 1, in_flight: 1, cut: 0 };
    let evidence = oracle.faults(faults).assert_holds(REPAIRED).await;
    let attempts = evidence.obligations[0].attempts.iter();
    let failures: Vec<_> = attempts.map(|attempt| attempt.record.failure).collect();
    assert_eq!(failures, [Some(FailureKind::Lost), None]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_folder_has_one_user_at_a_time() {
    only_on!(Embedded);
    let mut stack = Stack::start(StackOptions::default()).await;
    let customer = stack.customer("acme").await;
    let receiver = Receiver::start(Behaviour::ok()).await;
    let hook = customer.hook(&receiver, json!({})).await;

    let refused = stack.start_another(STANDALONE, |_| {}).await;

    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("is in use by another process"), "{said}");
    publish(&customer, 1).await.unwrap().unwrap();
    let oracle = Oracle::new(stack.store(), &customer).watch(&hook, &receiver);
    oracle.assert_holds(REPAIRED).await;
    // A lock that outlived its holder would keep everybody out for ever.
    stack.kill9(STANDALONE).await;
    stack.restart(STANDALONE).await;
}

/// A folder of its own does not make a database one's own, nor open its secrets.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_has_one_user_at_a_time_and_one_master_key() {
    only_on!(Embedded);
    let mut stack = Stack::start(StackOptions::default()).await;
    stack.customer("acme").await;
    let folder = TempDir::new().unwrap();
    let elsewhere = |env: &mut BTreeMap<String, String>| {
        let own = env.insert("POSTRIDER_DATA_DIR".to_owned(), folder.path().display().to_string());
        env.insert("DATABASE_URL".to_owned(), format!("sqlite://{}/postrider.db", own.unwrap()));
        for name in ["POSTRIDER_GRPC_ADDR", "POSTRIDER_HTTP_ADDR"] {
            env.insert(name.to_owned(), "127.0.0.1:0".to_owned());
        }
        env.remove("POSTRIDER_MASTER_KEY");
    };
    let refused = async |stack: &Stack, rule: &str| {
        let ended = stack.start_another(STANDALONE, elsewhere).await;
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(1), "{said}");
        assert!(said.contains(rule), "{said}");
    };
    refused(&stack, "postrider.db is in use by another process").await;
    stack.kill9(STANDALONE).await;
    refused(&stack, "there is no master.key in").await;
    assert!(!folder.path().join("master.key").exists());
    stack.restart(STANDALONE).await;
}

//! SIGTERM to each process in turn, under load: what is in flight finishes, nothing is lost, and
//! nothing is sent twice.

use super::{REPAIRED, publish_along};
use postrider_testkit::{
    Answer, Behaviour, Ledger, Oracle, Receiver, Service, Stack, StackOptions, machine,
};
use serde_json::json;
use std::iter::repeat;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const ROUNDS: usize = 3;
/// Deliveries between two processes that are told to stop.
const BETWEEN: usize = 30;
/// How long the receiver takes, and how much may be in flight meanwhile: few enough that there is a
/// backlog at every moment.
const ANSWERS_AFTER: Duration = Duration::from_millis(100);
const IN_FLIGHT: &str = "16";

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_are_told_to_stop_lose_nothing_and_repeat_nothing() {
    let _loaded = machine::load().await;
    let options =
        StackOptions::default().env(Service::Dispatcher, "POSTRIDER_MAX_IN_FLIGHT", IN_FLIGHT);
    let mut stack = Stack::start(options).await;
    let customer = stack.customer("acme").await;
    let slow = Behaviour::always(Answer::Later(ANSWERS_AFTER, 200));
    let receiver = Arc::new(Receiver::start(slow).await);
    let hook = customer.hook(&receiver, json!({})).await;

    let enough = CancellationToken::new();
    let until_enough = repeat(()).take_while({
        let enough = enough.clone();
        move |()| !enough.is_cancelled()
    });
    let publishing = publish_along(&customer, &receiver, until_enough);
    for _ in 0..ROUNDS {
        for service in Service::one_per_process() {
            let before = receiver.ledger(Ledger::delivered);
            let more = |ledger: &Ledger| ledger.delivered() >= before + BETWEEN;
            receiver.wait_for(more, REPAIRED).await.unwrap();
            let ended = stack.terminate(service, REPAIRED).await;
            assert!(ended.success(), "{service:?}: {ended}");
            stack.restart(service).await;
        }
    }
    enough.cancel();
    publishing.await.unwrap().unwrap();

    let oracle = Oracle::new(stack.store(), &customer).watch(&hook, &receiver);
    let evidence = oracle.assert_holds(REPAIRED).await;
    let published = evidence.published.len();
    assert_eq!(receiver.ledger(Ledger::len), published, "each request was made once");
}

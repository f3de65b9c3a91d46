//! Poison: a delivery that kills every process that sends it dies itself, alone, and harms nobody; nor do
//! kills that have nothing to do with what is in flight.

use super::REPAIRED;
use postrider_broker::conformance::eventually;
use postrider_common::attempt::FailureKind;
use postrider_common::delivery::{DeadReason, DeliveryState};
use postrider_store::{DeliveryFilter, PageRequest};
use postrider_testkit::oracle::{Evidence, Obligation};
use postrider_testkit::{
    Answer, Behaviour, Customer, Draft, Faults, Hook, Ledger, Oracle, Receiver, Service, Stack,
    StackOptions, machine, only_on,
};
use serde_json::json;
use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

/// What `abort` ends a process with.
const SIGABRT: i32 = 6;
/// Until it is given up: twice among others, and once alone.
const KILLS: usize = 3;
const NEIGHBOURS: usize = 8;
/// The neighbours' receiver answers later than the poison's, so that they are in flight when that kills.
const POISON_AFTER: Duration = Duration::from_millis(150);
const NEIGHBOURS_AFTER: Duration = Duration::from_millis(600);
/// Longer than the leases of the first test.
const LEASES_END: Duration = Duration::from_mins(1);

async fn publish(customer: &Customer, name: &str, count: usize) {
    let drafts = (0..count).map(|n| Draft::new(name, &json!({ "n": n }))).collect();
    customer.producer().publish_all(drafts, count).await.unwrap();
}

fn failures(obligation: &Obligation) -> Vec<Option<FailureKind>> {
    obligation.attempts.iter().map(|attempt| attempt.record.failure).collect()
}

fn of<'a>(evidence: &'a Evidence, hook: &'a Hook) -> impl Iterator<Item = &'a Obligation> {
    evidence.obligations.iter().filter(|one| one.delivery.endpoint == hook.id)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_kills_every_process_that_sends_it_dies_alone() {
    let _loaded = machine::load().await;
    let mut stack = Stack::start(StackOptions::default()).await;
    let customer = stack.customer("acme").await;
    let after = |delay| Behaviour::always(Answer::Later(delay, 200));
    let poisoned = Receiver::start(after(POISON_AFTER)).await;
    let healthy = Receiver::start(after(NEIGHBOURS_AFTER)).await;
    let poison = customer.hook(&poisoned, json!({ "events": ["poison"], "timeout": 5 })).await;
    let others = customer.hook(&healthy, json!({ "events": ["other"], "timeout": 5 })).await;
    stack.kill9(Service::Dispatcher).await;
    let point = format!("dispatcher::sent=return({})", poison.id);
    stack.restart_with(Service::Dispatcher, "FAILPOINTS", point).await;

    publish(&customer, "other", NEIGHBOURS).await;
    publish(&customer, "poison", 1).await;
    for _ in 0..KILLS {
        let status = stack.wait_dead(Service::Dispatcher, REPAIRED).await;
        assert_eq!(status.signal(), Some(SIGABRT), "{status}");
        stack.hooks().age(LEASES_END).await.unwrap();
        stack.restart(Service::Dispatcher).await;
    }

    // It would still kill whoever sends it.
    let faults = Faults { crashes: KILLS, in_flight: NEIGHBOURS + 1, cut: 0 };
    let oracle = Oracle::new(stack.store(), &customer).faults(faults);
    let oracle = oracle.watch(&poison, &poisoned).watch(&others, &healthy);
    let evidence = oracle.assert_holds(REPAIRED).await;
    for dead in of(&evidence, &poison) {
        assert_eq!(dead.delivery.state, DeliveryState::Dead);
        assert_eq!(dead.delivery.dead_reason, Some(DeadReason::Poison));
        assert_eq!(failures(dead), [Some(FailureKind::Lost); KILLS]);
    }
    assert_eq!(of(&evidence, &poison).count(), 1);
    assert_eq!(poisoned.ledger(Ledger::len), KILLS);
    let mut lost_twice = 0;
    for other in of(&evidence, &others) {
        assert_eq!(other.delivery.state, DeliveryState::Delivered, "{other:?}");
        let lost = failures(other).iter().filter(|one| **one == Some(FailureKind::Lost)).count();
        assert!(lost < KILLS, "the third kill hit nobody else: {other:?}");
        lost_twice += usize::from(lost == KILLS - 1);
    }
    assert_eq!(of(&evidence, &others).count(), NEIGHBOURS);
    assert!(lost_twice > 0, "no neighbour was suspected");
}

/// The first two hit the same deliveries; these wait to be sent alone when the third one comes. `standalone`
/// has nothing else in flight by then.
#[tokio::test(flavor = "multi_thread")]
async fn three_kills_of_whatever_is_in_flight_harm_nobody() {
    only_on!(Distributed);
    let _loaded = machine::load().await;
    let mut stack = Stack::start(StackOptions::default()).await;
    let customer = stack.customer("acme").await;
    let hanging = Receiver::start(Behaviour::hanging()).await;
    let slow = Receiver::start(Behaviour::hanging()).await;
    let hook = json!({ "events": ["twice"], "timeout": 10 });
    let twice = customer.hook(&hanging, hook).await;
    let hook = json!({ "events": ["once"], "timeout": 120 });
    let once = customer.hook(&slow, hook).await;

    publish(&customer, "twice", NEIGHBOURS).await;
    for kill in 1..KILLS {
        let all = |ledger: &Ledger| ledger.len() == kill * NEIGHBOURS;
        hanging.wait_for(all, REPAIRED).await.unwrap();
        stack.kill9(Service::Dispatcher).await;
        if kill + 1 < KILLS {
            stack.hooks().age(LEASES_END).await.unwrap();
        }
        stack.restart(Service::Dispatcher).await;
    }
    publish(&customer, "once", NEIGHBOURS).await;
    slow.wait_for(|ledger| ledger.len() == NEIGHBOURS, REPAIRED).await.unwrap();
    stack.hooks().age(LEASES_END).await.unwrap();
    let store = stack.store();
    eventually(async || {
        let (lost, filter) = (Some(FailureKind::Lost), DeliveryFilter::default());
        let page = PageRequest { limit: 100, after: None };
        let page = store.delivery_list(&customer.scope(), &filter, page).await.unwrap();
        let deliveries = page.rows;
        let suspected = deliveries.iter().filter(|one| {
            (one.state, one.attempts, one.last_failure) == (DeliveryState::Queued, 2, lost)
        });
        if suspected.count() == NEIGHBOURS { Ok(()) } else { Err(deliveries) }
    })
    .await;
    stack.kill9(Service::Dispatcher).await;
    stack.hooks().age(3 * LEASES_END).await.unwrap();
    hanging.behave(Behaviour::ok());
    slow.behave(Behaviour::ok());
    stack.restart(Service::Dispatcher).await;

    let faults = Faults { crashes: KILLS, in_flight: NEIGHBOURS, cut: 0 };
    let oracle = Oracle::new(stack.store(), &customer).faults(faults);
    let oracle = oracle.watch(&twice, &hanging).watch(&once, &slow);
    let evidence = oracle.assert_holds(REPAIRED).await;
    let lost = Some(FailureKind::Lost);
    for (hook, expected) in [(&twice, vec![lost, lost, None]), (&once, vec![lost, None])] {
        assert_eq!(of(&evidence, hook).count(), NEIGHBOURS);
        for one in of(&evidence, hook) {
            assert_eq!(one.delivery.state, DeliveryState::Delivered);
            assert_eq!(failures(one), expected);
        }
    }
}

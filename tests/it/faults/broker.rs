//! RabbitMQ away, and RabbitMQ back with nothing in it. It carries the work, but owes nothing.

use super::{REPAIRED, publish};
use postrider_broker::Queue;
use postrider_testkit::{
    Behaviour, Ledger, Oracle, Rabbit, Receiver, Service, Stack, StackOptions, machine, only_on,
};
use serde_json::json;
use std::time::Duration;

const LOOK_EVERY: Duration = Duration::from_millis(20);

#[tokio::test(flavor = "multi_thread")]
async fn events_are_accepted_while_the_broker_is_away_and_delivered_once_it_is_back() {
    const BEFORE: usize = 100;
    const MEANWHILE: usize = 300;
    only_on!(Distributed);
    let _loaded = machine::load().await;
    let rabbit = Rabbit::up().await;
    let stack = Stack::start(StackOptions::default().amqp_url(rabbit.url())).await;
    let customer = stack.customer("acme").await;
    let receiver = Receiver::start(Behaviour::ok()).await;
    let hook = customer.hook(&receiver, json!({})).await;
    publish(&customer, BEFORE).await.unwrap().unwrap();
    receiver.wait_for(|ledger| ledger.delivered() == BEFORE, REPAIRED).await.unwrap();

    rabbit.stop().await;
    let published = publish(&customer, MEANWHILE).await.unwrap().unwrap();
    assert!(published.iter().all(|event| event.calls == 1), "ingest refused for want of a broker");
    rabbit.start().await;

    let oracle = Oracle::new(stack.store(), &customer).watch(&hook, &receiver);
    oracle.assert_holds(REPAIRED).await;
    assert_eq!(receiver.ledger(Ledger::delivered), BEFORE + MEANWHILE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_wiped_with_a_backlog_in_it_loses_no_event() {
    const BACKLOG: usize = 600;
    const AFTER: usize = 200;
    only_on!(Distributed);
    let _loaded = machine::load().await;
    let rabbit = Rabbit::up().await;
    let mut stack = Stack::start(StackOptions::default().amqp_url(rabbit.url())).await;
    let customer = stack.customer("acme").await;
    let receiver = Receiver::start(Behaviour::ok()).await;
    let hook = customer.hook(&receiver, json!({})).await;

    // With nobody to consume them, the messages are in the broker when it is wiped.
    stack.kill9(Service::Dispatcher).await;
    publish(&customer, BACKLOG).await.unwrap().unwrap();
    tokio::time::timeout(REPAIRED, messages_are_ready(&stack)).await.unwrap();
    rabbit.wipe().await;
    stack.restart(Service::Dispatcher).await;
    receiver.wait_for(|ledger| ledger.delivered() == BACKLOG, REPAIRED).await.unwrap();

    // This time everybody is connected and has to notice.
    rabbit.wipe().await;
    let published = publish(&customer, AFTER).await.unwrap().unwrap();
    assert!(published.iter().all(|event| event.calls == 1), "ingest refused for want of a broker");
    let oracle = Oracle::new(stack.store(), &customer).watch(&hook, &receiver);
    oracle.assert_holds(REPAIRED).await;
    assert_eq!(receiver.ledger(Ledger::delivered), BACKLOG + AFTER);
}

/// Waits until the queue of first attempts has messages, of which a broker gives no signal.
async fn messages_are_ready(stack: &Stack) {
    let broker = stack.broker();
    let mut looks = tokio::time::interval(LOOK_EVERY);
    while !broker.ready(Queue::First).await.is_ok_and(|ready| ready > 0) {
        looks.tick().await;
    }
    broker.close().await;
}

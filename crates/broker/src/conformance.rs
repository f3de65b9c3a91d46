//! What every broker must do, as one suite for all adapters. For tests only.
//!
//! [`broker_conformance!`](crate::broker_conformance) makes a test of each case. Cases know the
//! traits alone. What only one engine can do (a deleted queue, a broken connection) is tested
//! beside its adapter.
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "an expectation that fails is what a suite of tests is for"
)]

pub mod closing;
pub mod consuming;
pub mod limits;
pub mod poison;
pub mod publishing;

use crate::{Broker, BrokerError, Consumer, Incoming, Published, Queue};
use crate::{SharedBroker, WorkItem, WorkMessage};
use async_trait::async_trait;
use bytes::Bytes;
use futures::FutureExt as _;
use postrider_common::id::{DeliveryId, EndpointId, EventId};
use postrider_common::tenant::TenantId;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

/// How long anything that must happen may take.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// What tests may do to a broker that services may not.
#[async_trait]
pub trait Hooks: Send + Sync {
    /// Publishes bytes that need not be a message.
    async fn publish_raw(&self, queue: Queue, body: Bytes) -> Result<Published, BrokerError>;

    /// Deletes all queues of this broker, on the engine. Works after [`Broker::close`] too.
    async fn delete_topology(&self) -> Result<(), BrokerError>;
}

/// A broker with queues of its own, all empty.
pub struct Subject {
    /// The broker.
    pub broker: SharedBroker,
    /// The same, for what tests may do.
    pub hooks: Arc<dyn Hooks>,
}

impl Subject {
    /// A subject on this broker, which has queues of its own.
    pub fn new<B: Broker + Hooks + 'static>(broker: B) -> Self {
        let broker = Arc::new(broker);
        Self { broker: Arc::clone(&broker) as SharedBroker, hooks: broker }
    }

    /// Publishes a message to an engine that has room for it.
    pub async fn publish(&self, queue: Queue, message: &WorkMessage) {
        let published = self.broker.publish(queue, message).await;
        assert_eq!(published.expect("published"), Published::Confirmed);
    }

    /// Waits until as many messages are ready.
    pub async fn until_ready(&self, queue: Queue, count: u64) {
        eventually(async || match self.broker.ready(queue).await {
            Ok(ready) if ready == count => Ok(()),
            other => Err(format!("{other:?} are ready, and not {count}")),
        })
        .await;
    }

    /// Waits until as many messages are parked.
    pub async fn until_parked(&self, count: u64) {
        eventually(async || match self.broker.parked().await {
            Ok(parked) if parked == count => Ok(()),
            other => Err(format!("{other:?} are parked, and not {count}")),
        })
        .await;
    }
}

/// Runs one case on a fresh subject, and deletes its queues whether the case passed or not. Without
/// a subject, since its engine is not there, there is nothing to run.
pub async fn run(fresh: impl AsyncFnOnce() -> Option<Subject>, case: impl AsyncFnOnce(&Subject)) {
    let Some(subject) = fresh().await else { return };
    eventually(async || subject.broker.ping().await).await;
    let case = tokio::time::timeout(2 * PATIENCE, case(&subject));
    let passed = AssertUnwindSafe(case).catch_unwind().await;
    subject.broker.close().await;
    let deleted = subject.hooks.delete_topology().await;
    match passed {
        Ok(passed) => passed.expect("the case ends in time"),
        Err(panic) => resume_unwind(panic),
    }
    deleted.expect("the queues were deleted");
}

/// Tries again until it succeeds, and fails with the last error when that takes too long.
pub async fn eventually<T, E: std::fmt::Debug>(attempt: impl AsyncFn() -> Result<T, E>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match attempt().await {
            Ok(done) => return done,
            Err(error) => assert!(Instant::now() < deadline, "in time, but: {error:?}"),
        }
        sleep(Duration::from_millis(10)).await;
    }
}

/// A message that names this many deliveries, of a tenant of its own.
pub fn message(deliveries: usize) -> WorkMessage {
    let event = EventId::generate();
    let tenant = TenantId::parse(format!("t-{}", event.as_uuid())).expect("a tenant id");
    let items = (0..deliveries)
        .map(|_| WorkItem {
            delivery: DeliveryId::generate_for(event),
            endpoint: EndpointId::generate(),
            tenant: tenant.clone(),
        })
        .collect();
    WorkMessage::split(items).next().expect("one message")
}

/// The next message, which must come.
pub async fn receive(consumer: &mut dyn Consumer) -> Box<dyn Incoming> {
    let deadline = Instant::now() + PATIENCE;
    timeout_at(deadline, consumer.next()).await.expect("a message")
}

/// Receives a message, which must be this one, and acks it.
pub async fn receive_and_ack(consumer: &mut dyn Consumer, expected: &WorkMessage) {
    let incoming = receive(consumer).await;
    assert_eq!(incoming.message(), expected);
    incoming.ack().await;
}

/// Makes a test of every case of the suite. Takes the path of an `async fn() -> Option<Subject>` that
/// gives a broker with empty queues of its own, or none if its engine is not there.
#[macro_export]
macro_rules! broker_conformance {
    ($fresh:path) => {
        $crate::broker_conformance! {
            $fresh:
            publishing::messages_come_whole_and_in_order,
            publishing::a_message_comes_with_its_trace,
            publishing::the_largest_message_comes_whole,
            publishing::the_queues_are_apart,
            publishing::concurrent_publishers_are_each_answered,
            consuming::a_waiting_consumer_gets_what_is_published_later,
            consuming::an_acked_message_never_comes_again,
            consuming::an_unacked_message_comes_again_when_the_consumer_is_dropped,
            consuming::a_dropped_message_comes_again_at_once,
            consuming::a_cancelled_wait_loses_nothing,
            consuming::two_consumers_share_a_queue,
            limits::a_consumer_has_no_more_in_hand_than_its_prefetch,
            limits::ready_counts_what_nobody_has_in_hand,
            limits::concurrent_publishers_learn_whose_message_was_refused,
            limits::a_full_queue_refuses_until_it_is_drained,
            poison::what_cannot_be_read_is_parked_and_the_consumer_lives_on,
            closing::a_closed_broker_answers_at_once,
            closing::what_is_in_flight_when_the_broker_closes_is_answered,
            closing::a_consumer_of_a_closed_broker_waits,
        }
    };
    ($fresh:path: $($module:ident::$case:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                $crate::conformance::run($fresh, $crate::conformance::$module::$case).await;
            }
        )*
    };
}

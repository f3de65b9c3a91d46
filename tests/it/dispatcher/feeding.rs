//! The feeder: what is due goes to the broker, and comes back if the broker does not take it.

use super::brokers::Obedient;
use super::harness::{check, subject, tenant};
use postrider_broker::{Queue, SharedBroker};
use postrider_common::delivery::DeliveryState;
use postrider_common::id::DeliveryId;
use postrider_common::tenant::TenantScope;
use postrider_contract::DEFAULT_CONTRACT;
use postrider_dispatcher::workers::{Fed, Feeder, Pace};
use postrider_store::conformance::{Subject, fixtures};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

/// More deliveries than any test makes.
const MANY: u32 = 10_000;

struct Feeding {
    subject: Subject,
    tenant: TenantScope,
    broker: Arc<Obedient>,
    feeder: Feeder,
    ids: HashSet<DeliveryId>,
}

impl Feeding {
    /// So many deliveries that are due.
    async fn of(due: usize) -> Self {
        let subject = subject().await;
        let tenant = tenant(&subject.store, "acme", DEFAULT_CONTRACT).await;
        subject.endpoint(&tenant).await;
        let broker = Obedient::new();
        let shared = Arc::clone(&broker) as SharedBroker;
        let feeder = Feeder::new(Arc::clone(&subject.store), shared, MANY);
        let ids = subject.schedule(&tenant, due).await.into_iter().collect();
        Self { subject, tenant, broker, feeder, ids }
    }

    async fn feed(&self) -> Fed {
        self.feeder.run_once().await.unwrap()
    }

    /// What the broker took; all of it is queued and all else is scheduled.
    async fn taken(&self) -> HashSet<DeliveryId> {
        let taken = self.broker.take().into_iter().map(|(queue, item)| {
            assert_eq!(queue, Queue::First);
            item.delivery
        });
        let taken: HashSet<_> = taken.collect();
        for id in &self.ids {
            let queued = taken.contains(id);
            let state = if queued { DeliveryState::Queued } else { DeliveryState::Scheduled };
            assert_eq!(self.subject.state(*id).await, state);
        }
        taken
    }
}

#[tokio::test]
async fn what_is_due_is_handed_out_once() {
    let feeding = Feeding::of(300).await;
    assert_eq!(feeding.feed().await, Fed { handed_out: 300, taken_back: 0 });
    assert_eq!(feeding.taken().await, feeding.ids);
    assert_eq!(feeding.broker.asked(), 2, "256 in a message");
    assert_eq!(feeding.feed().await, Fed::default());
    check(&feeding.subject, &feeding.tenant).await;
}

#[tokio::test]
async fn what_the_broker_refuses_is_scheduled_again() {
    let feeding = Feeding::of(600).await;
    feeding.broker.take_only(1);
    assert_eq!(feeding.feed().await, Fed { handed_out: 256, taken_back: 344 });
    assert_eq!(feeding.broker.asked(), 2, "a full queue is not tried with every message");
    assert_eq!(feeding.taken().await.len(), 256);
    check(&feeding.subject, &feeding.tenant).await;
}

#[tokio::test]
async fn what_a_broker_did_not_answer_for_is_scheduled_again() {
    let feeding = Feeding::of(10).await;
    feeding.broker.breaks();
    assert_eq!(feeding.feed().await, Fed { handed_out: 0, taken_back: 10 });
    assert_eq!(feeding.taken().await.len(), 0);
    check(&feeding.subject, &feeding.tenant).await;
}

#[tokio::test]
async fn while_the_broker_is_away_nothing_is_marked() {
    let feeding = Feeding::of(10).await;
    feeding.broker.away(true);
    assert_eq!(feeding.feed().await, Fed::default());
    assert_eq!(feeding.taken().await.len(), 0);
    let transitions = feeding.subject.hooks.transitions().await.unwrap();
    assert_eq!(transitions, [], "no row was touched");
    feeding.broker.away(false);
    assert_eq!(feeding.feed().await.handed_out, 10);
}

#[tokio::test]
async fn retries_go_to_a_queue_of_their_own() {
    let feeding = Feeding::of(0).await;
    let failed = feeding.subject.in_flight(&feeding.tenant).await;
    feeding.subject.settle(fixtures::retry(&failed, Duration::ZERO)).await;
    let fresh = feeding.subject.schedule(&feeding.tenant, 1).await[0];

    assert_eq!(feeding.feed().await.handed_out, 2);

    let taken: HashSet<_> =
        feeding.broker.take().into_iter().map(|(queue, item)| (queue, item.delivery)).collect();
    assert_eq!(taken, [(Queue::Retry, failed.id), (Queue::First, fresh)].into());
}

/// A backlog must not drain by one cap a tick, nor a full queue be asked all the time.
#[tokio::test]
async fn as_long_as_something_is_taken_the_feeder_looks_again_soon() {
    let mut feeding = Feeding::of(1100).await;
    let other = tenant(&feeding.subject.store, "other", DEFAULT_CONTRACT).await;
    feeding.subject.endpoint(&other).await;
    feeding.ids.extend(feeding.subject.schedule(&other, 1000).await);
    let pace = async || feeding.feeder.step().await.unwrap();
    assert_eq!(pace().await, Pace::AtOnce, "a whole batch was due");
    assert_eq!(pace().await, Pace::Shortly, "and what remained");
    assert_eq!(pace().await, Pace::NextTick, "and no more");
    assert_eq!(feeding.taken().await.len(), 2100);

    feeding.subject.schedule(&feeding.tenant, 300).await;
    feeding.broker.take_only(feeding.broker.asked() + 1);
    assert_eq!(pace().await, Pace::NextTick, "the queue is full");
    check(&feeding.subject, &feeding.tenant).await;
}

/// An endpoint that is quick is looked at soon, one that answers nothing less and less often.
#[tokio::test]
async fn how_soon_it_looks_again_follows_from_how_soon_there_is_room() {
    let feeding = Feeding::of(12).await;
    let shared = Arc::clone(&feeding.broker) as SharedBroker;
    let feeder = Feeder::new(Arc::clone(&feeding.subject.store), shared, 4);
    let pace = async || feeder.step().await.unwrap();
    let after = |millis| Pace::After(Duration::from_millis(millis));
    assert_eq!(pace().await, after(5), "it took a whole cap");
    for millis in [25, 50, 100, 200, 400] {
        assert_eq!(pace().await, after(millis), "it has no room");
    }
    let first = feeding.broker.take()[0].1.delivery;
    let claimed = feeding.subject.claim_one(first).await;
    feeding.subject.settle(fixtures::success(&claimed)).await;
    assert_eq!(pace().await, Pace::Shortly, "one of four was done with");
    assert_eq!(pace().await, after(25));
    check(&feeding.subject, &feeding.tenant).await;
}

/// More than the broker is to hold of one tenant, on however many endpoints, is not handed to it.
#[tokio::test]
async fn a_burst_on_many_endpoints_leaves_room_for_others() {
    let feeding = Feeding::of(0).await;
    for _ in 1..40 {
        feeding.subject.endpoint(&feeding.tenant).await;
    }
    feeding.subject.schedule(&feeding.tenant, 100).await;
    let mut handed_out = 0;
    while let fed @ 1.. = feeding.feed().await.handed_out {
        handed_out += fed;
    }
    assert_eq!(handed_out, 2000, "of 4000 that are due");
    let other = tenant(&feeding.subject.store, "other", DEFAULT_CONTRACT).await;
    feeding.subject.endpoint(&other).await;
    let one = feeding.subject.schedule(&other, 1).await;
    feeding.broker.take();
    assert_eq!(feeding.feed().await.handed_out, 1);
    let taken: Vec<_> = feeding.broker.take().into_iter().map(|(_, item)| item.delivery).collect();
    assert_eq!(taken, one);
}

//! An endpoint that its publisher keeps at its cap gets what was due before all the same, and before what
//! is new.

use super::harness::{Scene, until};
use super::running::Options;
use postrider_common::delivery::DeliveryState::{InFlight, Queued};
use postrider_common::id::DeliveryId;
use postrider_store::conformance::fixtures;
use postrider_testkit::{Answer, Behaviour, Ledger, Receiver};
use std::cell::Cell;
use std::collections::HashSet;
use std::time::Duration;

const CAP: u32 = 2;
/// New events that the endpoint has not got yet, at any time: many times its cap.
const AHEAD: usize = 16;

impl Scene {
    /// A delivery that failed once and is due again.
    async fn retried(&self) -> DeliveryId {
        let claimed = self.subject.in_flight(&self.tenant).await;
        self.subject.settle(fixtures::retry(&claimed, Duration::ZERO)).await;
        claimed.id
    }
}

/// How many requests arrived before the first of this delivery.
fn place(ledger: &Ledger, id: DeliveryId) -> Option<usize> {
    let id = format!("msg_{id}");
    ledger.requests().iter().position(|one| one.header("webhook-id") == Some(id.as_str()))
}

#[tokio::test]
async fn what_waits_goes_out_although_a_publisher_never_stops() {
    let scene = Scene::start().await;
    let slow = Answer::Later(Duration::from_millis(10), 200);
    let receiver = Receiver::start(Behaviour::always(slow)).await;
    let endpoint = scene.hook(&receiver, |_| {}).await.id;
    let mut old = HashSet::from([scene.retried().await, scene.retried().await]);
    old.extend(scene.subject.schedule(&scene.tenant, 4).await);
    let published = Cell::new(0);
    let publish = async || {
        let arrived = receiver.ledger(Ledger::len);
        let missing = (arrived + AHEAD).saturating_sub(published.get());
        scene.send(missing).await;
        published.set(published.get() + missing);
    };
    publish().await;
    let dispatcher = scene.dispatch_with(Options::default().limits(100, CAP)).await;

    until("the feeder notices", async || {
        publish().await;
        scene.subject.hooks.is_backlogged(endpoint).await.unwrap()
    })
    .await;
    let before = published.get();
    let places =
        |ledger: &Ledger| old.iter().map(|id| place(ledger, *id)).collect::<Option<Vec<_>>>();
    until("all that waited has gone out", async || {
        publish().await;
        receiver.ledger(places).is_some()
    })
    .await;

    let last = receiver.ledger(places).into_iter().flatten().max().unwrap();
    let newer_before = last + 1 - old.len();
    assert!(newer_before <= before + CAP as usize, "{newer_before} of {before} overtook it");
    let all = old.len() + published.get();
    until("so does what is new", async || receiver.ledger(Ledger::delivered) == all).await;
    until("and the backlog is over", async || {
        !scene.subject.hooks.is_backlogged(endpoint).await.unwrap()
    })
    .await;
    dispatcher.stop().await;
    scene.close().await;
}

/// Else a round trip to the database would keep it idle each time that it has answered as many as its cap.
#[tokio::test]
async fn a_quick_endpoint_has_more_under_way_than_its_cap() {
    let scene = Scene::start().await;
    let receiver = Receiver::start(Behaviour::ok()).await;
    let endpoint = scene.hook(&receiver, |_| {}).await.id;
    let published = Cell::new(0);
    let publish = async || {
        let missing = (receiver.ledger(Ledger::len) + 5 * AHEAD).saturating_sub(published.get());
        scene.send(missing).await;
        published.set(published.get() + missing);
    };
    publish().await;
    let dispatcher = scene.dispatch_with(Options::default().limits(100, 1)).await;
    let under_way = async || {
        publish().await;
        assert!(scene.subject.hooks.is_backlogged(endpoint).await.unwrap());
        let deliveries = scene.subject.deliveries(&scene.tenant).await;
        let states = deliveries.iter().map(|one| one.state);
        states.filter(|state| matches!(state, Queued | InFlight)).count()
    };
    until("it has a backlog", async || {
        publish().await;
        scene.subject.hooks.is_backlogged(endpoint).await.unwrap()
    })
    .await;
    until("only the feeder feeds it", async || under_way().await <= 1).await;
    until("it gets more than its cap", async || under_way().await > 1).await;
    dispatcher.stop().await;
    scene.close().await;
}

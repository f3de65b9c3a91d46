//! Breakers: an endpoint that is down is spared, with all that waits for it, and comes back by and by.

use super::harness::{Scene, schedule, until};
use super::running::Options;
use futures::future::join_all;
use postrider_broker::{Queue, WorkItem};
use postrider_common::breaker::{BreakerState, ramp};
use postrider_common::delivery::{DeadReason, Delivery, DeliveryState};
use postrider_common::endpoint::Endpoint;
use postrider_common::id::DeliveryId;
use postrider_contract::Contracts;
use postrider_store::conformance::fixtures::{event, event_type, named, wants};
use postrider_store::{Breaker, EndpointPatch, NewEvent, QueueRoom, Replayed, TestAccepted};
use postrider_testkit::{Answer, Behaviour, Ledger, Receiver};
use std::time::{Duration, Instant};

/// Longer than the first rest, and shorter than the second.
const FIRST_REST: u64 = 40;
/// Longer than the second rest.
const SECOND_REST: u64 = 75;

/// A receiver that is down, at an endpoint of its own, and one that is not, at another.
struct Stage {
    scene: Scene,
    receiver: Receiver,
    endpoint: Endpoint,
    well: Receiver,
}

impl Stage {
    /// With this schedule, in seconds.
    async fn set(delays: &[u32]) -> Self {
        let scene = Scene::start().await;
        let receiver = Receiver::start(Behaviour::always(Answer::Status(503))).await;
        let well = Receiver::start(Behaviour::ok()).await;
        let own = schedule(delays);
        let endpoint = scene.hook(&receiver, |new| {
            own(new);
            new.events = wants(&["down"]);
        });
        let endpoint = endpoint.await;
        scene.hook(&well, |new| new.events = wants(&["well"])).await;
        Self { scene, receiver, endpoint, well }
    }

    /// Sends so many events to the one that is down.
    async fn send(&self, count: usize) -> Vec<DeliveryId> {
        ids(&self.send_typed("down", count).await)
    }

    async fn send_typed(&self, name: &str, count: usize) -> Vec<WorkItem> {
        let of_type = || NewEvent { event_type: event_type(name), ..event(&self.scene.tenant) };
        let events: Vec<NewEvent> = (0..count).map(|_| of_type()).collect();
        let items = self.scene.accept_these(&events).await;
        self.scene.publish(Queue::First, &items).await;
        items
    }

    /// Has so many deliveries fail once, which opens the breaker.
    async fn go_down(&self) -> Vec<DeliveryId> {
        let ids = self.send(20).await;
        for id in &ids {
            self.scene.until_attempted(*id, 1).await;
        }
        self.until(BreakerState::Open).await;
        ids
    }

    async fn breaker(&self) -> Option<Breaker> {
        let (store, tenant) = (&self.scene.store, &self.scene.tenant);
        let found = store.endpoint_breakers(tenant, &[self.endpoint.id]).await.unwrap();
        found.get(&self.endpoint.id).copied()
    }

    async fn until(&self, state: BreakerState) {
        let is_so = async || self.breaker().await.is_some_and(|breaker| breaker.state == state);
        until(state.as_str(), is_so).await;
    }

    /// Waits until the feeder has handed out what is due by now: it hands out one more, and of all
    /// tenants and endpoints in turn.
    async fn until_fed(&self) {
        let before = self.well.ledger(Ledger::delivered);
        let event = NewEvent { event_type: event_type("well"), ..event(&self.scene.tenant) };
        let full = QueueRoom::for_each(0);
        self.scene.store.events_accept(&[event], &full).await.unwrap();
        until("it is fed", async || self.well.ledger(Ledger::delivered) > before).await;
    }

    async fn delivery(&self, id: DeliveryId) -> Delivery {
        self.scene.delivery(id).await
    }

    /// How many of these were attempted so often.
    async fn attempted(&self, ids: &[DeliveryId], attempts: u32) -> usize {
        let mut count = 0;
        for id in ids {
            count += usize::from(self.delivery(*id).await.attempts == attempts);
        }
        count
    }

    async fn until_withheld(&self, ids: &[DeliveryId]) {
        for id in ids {
            self.scene.until_state(*id, DeliveryState::Scheduled).await;
        }
        self.assert_withheld(ids).await;
    }

    async fn assert_withheld(&self, ids: &[DeliveryId]) {
        for id in ids {
            let delivery = self.delivery(*id).await;
            let found = (delivery.state, delivery.attempts);
            assert_eq!(found, (DeliveryState::Scheduled, 0), "{delivery:?}");
        }
    }
}

fn ids(items: &[WorkItem]) -> Vec<DeliveryId> {
    items.iter().map(|item| item.delivery).collect()
}

#[tokio::test]
async fn nineteen_failures_open_nothing_and_the_twentieth_does() {
    let stage = Stage::set(&[1_000]).await;
    let dispatcher = stage.scene.dispatch().await;
    for id in stage.send(19).await {
        stage.scene.until_attempted(id, 1).await;
    }
    assert_eq!(stage.breaker().await, None);
    let last = stage.send(1).await;
    stage.scene.until_attempted(last[0], 1).await;
    stage.until(BreakerState::Open).await;

    let withheld = stage.send(50).await;
    stage.until_withheld(&withheld).await;
    stage.until_fed().await;
    stage.assert_withheld(&withheld).await;
    assert_eq!(stage.receiver.ledger(Ledger::len), 20);
    dispatcher.stop().await;
    stage.scene.close().await;
}

#[tokio::test]
async fn nine_deliveries_that_fail_open_nothing_and_a_tenth_does() {
    let stage = Stage::set(&[100; 9]).await;
    let dispatcher = stage.scene.dispatch().await;
    let nine = stage.send(9).await;
    for attempts in 1..=4 {
        if attempts > 1 {
            stage.scene.subject.age(120).await;
        }
        for id in &nine {
            stage.scene.until_attempted(*id, attempts).await;
        }
    }
    assert_eq!((stage.receiver.ledger(Ledger::len), stage.breaker().await), (36, None));
    let tenth = stage.send(1).await;
    stage.scene.until_attempted(tenth[0], 1).await;
    stage.until(BreakerState::Open).await;
    dispatcher.stop().await;
    stage.scene.close().await;
}

/// Whatever schedule a product's document promises, a delivery that alone fails gets all of it, round
/// after round.
#[tokio::test]
async fn a_delivery_that_alone_fails_is_never_withheld() {
    let products = ["patra", "attribution", "leads", "cathcr", "platform"];
    join_all(products.map(fail_alone)).await;
}

/// Has one delivery fail by the schedule of a contract, at least 20 times.
async fn fail_alone(name: &str) {
    let contracts = Contracts::built_in();
    let delays = contracts.get(name).unwrap().schedule().seconds().to_vec();
    let stage = Stage::set(&delays).await;
    let dispatcher = stage.scene.dispatch().await;
    let id = stage.send(1).await[0];
    let mut attempts = 0;
    while attempts < 20 {
        for delay in [&delays[..], &[0]].concat() {
            attempts += 1;
            stage.scene.until_attempted(id, attempts).await;
            assert_eq!(stage.breaker().await, None, "{name}");
            // What is due at once is claimed meanwhile, and a claim passes over what moving time has locked.
            if delay > 0 {
                stage.scene.subject.age(u64::from(delay) * 6 / 5 + 1).await;
            }
        }
        let dead = stage.scene.until_state(id, DeliveryState::Dead).await;
        assert_eq!(dead.dead_reason, Some(DeadReason::Exhausted), "{name}");
        let replayed = stage.scene.store.delivery_replay(&stage.scene.tenant, id).await;
        assert!(matches!(replayed.unwrap(), Replayed::Replayed), "{name}");
    }
    stage.scene.until_attempted(id, attempts + 1).await;
    dispatcher.stop().await;
    stage.scene.close().await;
}

/// It is the one that is due first, and its attempt; what waits keeps its time and its attempts. A failure
/// makes the next rest longer; a success lets all go.
#[tokio::test]
async fn a_probe_is_a_delivery_that_is_due_and_the_others_wait() {
    let stage = Stage::set(&[100_000]).await;
    let dispatcher = stage.scene.dispatch().await;
    stage.go_down().await;
    let mut waiting = Vec::new();
    for _ in 0..5 {
        waiting.extend(stage.send(1).await);
        stage.until_withheld(&waiting[waiting.len() - 1..]).await;
    }
    let due = stage.delivery(waiting[4]).await.next_attempt_at.unwrap();

    stage.scene.subject.age(FIRST_REST).await;
    let probe = stage.scene.until_attempted(waiting[0], 1).await;
    assert_eq!(probe.state, DeliveryState::Scheduled);
    assert_eq!(stage.scene.steps_spent(waiting[0]).await, 1);
    stage.until(BreakerState::Open).await;
    stage.scene.subject.age(FIRST_REST).await;
    stage.until_fed().await;
    stage.assert_withheld(&waiting[1..]).await;
    assert_eq!(stage.receiver.ledger(Ledger::len), 21, "the second rest is longer");
    let moved = Duration::from_secs(2 * FIRST_REST);
    assert_eq!(stage.delivery(waiting[4]).await.next_attempt_at, Some(due - moved));

    stage.receiver.behave(Behaviour::ok());
    stage.scene.subject.age(SECOND_REST).await;
    stage.until(BreakerState::Closed).await;
    for id in &waiting[1..] {
        let delivered = stage.scene.until_state(*id, DeliveryState::Delivered).await;
        assert_eq!(delivered.attempts, 1);
    }
    dispatcher.stop().await;
    assert_eq!(stage.receiver.ledger(Ledger::len), 25);
    stage.scene.close().await;
}

/// As after the last attempt; what has waited for less is not concerned.
#[tokio::test]
async fn what_has_waited_for_its_whole_schedule_ends_with_the_next_probe() {
    let stage = Stage::set(&[60, 60]).await;
    let dispatcher = stage.scene.dispatch().await;
    let before = stage.go_down().await;
    let waiting = stage.send(3).await;
    stage.until_withheld(&waiting).await;

    stage.scene.subject.age(125).await;
    for id in &waiting {
        let dead = stage.scene.until_state(*id, DeliveryState::Dead).await;
        assert_eq!((dead.attempts, dead.dead_reason), (1, Some(DeadReason::Exhausted)));
    }
    stage.until_fed().await;
    assert_eq!(stage.attempted(&before, 1).await, before.len());
    assert_eq!(stage.scene.count(DeliveryState::Scheduled).await, before.len());
    dispatcher.stop().await;
    stage.scene.close().await;
}

/// They go out, say nothing and open nothing.
#[tokio::test]
async fn tests_and_breakers_do_not_touch() {
    let stage = Stage::set(&[1_000]).await;
    let (scene, endpoint) = (&stage.scene, named(&stage.endpoint));
    let dispatcher = scene.dispatch().await;
    let test = async || {
        let new = NewEvent { event_type: event_type("down"), ..event(&scene.tenant) };
        let accepted = scene.store.test_accept(&scene.tenant, &endpoint, &new).await.unwrap();
        let TestAccepted::Accepted { delivery, .. } = accepted else { panic!("{accepted:?}") };
        delivery
    };
    let mut tests = Vec::new();
    for _ in 0..25 {
        tests.push(test().await);
    }
    for id in &tests {
        scene.until_state(*id, DeliveryState::Dead).await;
    }
    assert_eq!(stage.breaker().await, None);

    stage.go_down().await;
    stage.receiver.behave(Behaviour::ok());
    let late = test().await;
    scene.until_state(late, DeliveryState::Delivered).await;
    assert_eq!(stage.breaker().await.map(|breaker| breaker.state), Some(BreakerState::Open));
    dispatcher.stop().await;
    stage.scene.close().await;
}

/// What is sent past the feeder keeps to it as well.
#[tokio::test]
async fn an_endpoint_that_is_back_gets_more_by_and_by() {
    const CAP: u32 = 64;
    let stage = Stage::set(&[100_000]).await;
    let dispatcher = stage.scene.dispatch_with(Options::without_grace()).await;
    stage.go_down().await;
    stage.send(1).await;
    stage.receiver.behave(Behaviour::ok());
    let closed_after = Instant::now();
    stage.scene.subject.age(FIRST_REST).await;
    stage.until(BreakerState::Closed).await;

    stage.receiver.behave(Behaviour::hanging());
    stage.send(100).await;
    until("four are open", async || {
        let open = stage.receiver.ledger(Ledger::open);
        let allowed = ramp(closed_after.elapsed(), CAP) as usize;
        assert!(open <= allowed, "{open} of {allowed}");
        open >= 4
    })
    .await;
    // They are not delayed by the hundred.
    stage.send_typed("well", 50).await;
    until("the others are", async || stage.well.ledger(Ledger::delivered) == 50).await;
    dispatcher.stop().await;
    stage.scene.close().await;
}

/// By another dispatcher than the one that found out, from its start on.
#[tokio::test]
async fn what_one_dispatcher_finds_out_holds_for_all() {
    let stage = Stage::set(&[100_000]).await;
    let first = stage.scene.dispatch().await;
    stage.go_down().await;
    first.stop().await;
    let second = stage.scene.dispatch().await;
    let withheld = stage.send(5).await;
    stage.until_withheld(&withheld).await;
    assert_eq!(stage.receiver.ledger(Ledger::len), 20);
    stage.receiver.behave(Behaviour::ok());
    stage.scene.subject.age(FIRST_REST).await;
    for id in &withheld {
        stage.scene.until_state(*id, DeliveryState::Delivered).await;
    }
    second.stop().await;
    stage.scene.close().await;
}

#[tokio::test]
async fn an_endpoint_that_its_owner_resumes_gets_everything() {
    let stage = Stage::set(&[100_000]).await;
    let dispatcher = stage.scene.dispatch().await;
    stage.go_down().await;
    let withheld = stage.send(5).await;
    stage.until_withheld(&withheld).await;
    stage.receiver.behave(Behaviour::ok());
    let patch = EndpointPatch { active: Some(true), ..EndpointPatch::default() };
    stage.scene.subject.patch(&stage.scene.tenant, &stage.endpoint, patch).await;
    for id in &withheld {
        stage.scene.until_state(*id, DeliveryState::Delivered).await;
    }
    assert_eq!(stage.breaker().await, None);
    dispatcher.stop().await;
    stage.scene.close().await;
}

/// A receiver that refuses what it is sent is there.
#[tokio::test]
async fn refused_events_are_no_sign_of_an_endpoint_that_is_down() {
    let stage = Stage::set(&[100_000]).await;
    stage.receiver.behave(Behaviour::always(Answer::Status(422)));
    let dispatcher = stage.scene.dispatch().await;
    for id in stage.send(40).await {
        stage.scene.until_attempted(id, 1).await;
    }
    assert_eq!(stage.breaker().await, None);
    dispatcher.stop().await;
    stage.scene.close().await;
}

//! Deliveries that were lost with their processes again and again: they are sent while nothing else is in
//! flight, one after the other, and keep nobody waiting for long. What becomes of those that are lost once
//! more is the store's conformance; processes that really die are in `faults::poison`.

use super::flaky::{Flaky, Mood};
use super::harness::{SECRET, Scene, end_of, until};
use super::raw::{Raw, status};
use super::running::Options;
use postrider_broker::{Queue, WorkItem};
use postrider_common::attempt::FailureKind;
use postrider_common::delivery::DeliveryState;
use postrider_common::id::DeliveryId;
use postrider_store::conformance::fixtures::{event, event_type, wants};
use postrider_store::{NewEndpoint, NewEvent, SharedStore};
use postrider_testkit::{Answer, Behaviour, Ledger, Receiver};
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;

use DeliveryState::{Delivered, InFlight, Queued, Scheduled};

/// How many may be in line in one process, beside the one that is sent.
const IN_LINE: usize = 16;

/// Wants events of this type alone, and waits for longer than any test.
fn patient(name: &str) -> impl FnOnce(&mut NewEndpoint) {
    let events = wants(&[name]);
    move |new| {
        new.events = events;
        new.timeout = Some(Duration::from_mins(2));
    }
}

impl Scene {
    async fn accept_of(&self, name: &str, count: usize) -> Vec<WorkItem> {
        let of_type = || NewEvent { event_type: event_type(name), ..event(&self.tenant) };
        let events: Vec<_> = (0..count).map(|_| of_type()).collect();
        self.accept_these(&events).await
    }

    /// So many deliveries that were lost so often that they are to be sent alone, `queued`.
    async fn suspects(&self, name: &str, count: usize) -> Vec<WorkItem> {
        let items = self.accept_of(name, count).await;
        let ids: Vec<DeliveryId> = items.iter().map(|item| item.delivery).collect();
        self.subject.make_suspects(&ids).await;
        items
    }

    /// From when to when the last attempt of a delivery was made.
    async fn last_attempt(&self, item: &WorkItem) -> (OffsetDateTime, OffsetDateTime) {
        let attempts = self.attempts(item.delivery).await;
        let record = &attempts.last().unwrap().record;
        (record.started_at, end_of(record))
    }

    async fn until_delivered(&self, count: usize) {
        until("all are delivered", async || self.count(Delivered).await == count).await;
    }
}

/// By the log, which has the database's times: what is in flight when one comes has ended before that is sent,
/// what comes meanwhile begins after it, and between two of them the others have as long as one took.
#[tokio::test]
async fn suspects_are_sent_while_nothing_else_is_in_flight() {
    const SUSPECTS: usize = 4;
    let scene = Scene::start().await;
    let answers = |after| Behaviour::always(Answer::Later(Duration::from_millis(after), 200));
    let alone = Receiver::start(answers(200)).await;
    let others = Receiver::start(answers(100)).await;
    scene.hook(&alone, patient("suspect")).await;
    scene.hook(&others, patient("other")).await;
    let suspects = scene.suspects("suspect", SUSPECTS).await;
    let dispatcher = scene.dispatch().await;
    let items = scene.accept_of("other", 100).await;
    scene.publish(Queue::First, &items[..20]).await;
    until("others are in flight", async || others.ledger(Ledger::open) > 0).await;
    scene.publish(Queue::Retry, &suspects).await;
    for items in items[20..].chunks(10) {
        scene.publish(Queue::First, items).await;
    }
    scene.until_delivered(100 + SUSPECTS).await;
    dispatcher.stop().await;

    let mut sent = Vec::new();
    for item in &suspects {
        let lost = Some(FailureKind::Lost);
        assert_eq!(scene.failures(item.delivery).await, [lost, lost, None]);
        sent.push(scene.last_attempt(item).await);
    }
    sent.sort_unstable();
    for item in &items {
        let (began, ended) = scene.last_attempt(item).await;
        for (start, end) in &sent {
            assert!(ended <= *start || began >= *end, "{sent:?}, and from {began} to {ended}");
        }
    }
    for pair in sent.windows(2) {
        let [(start, end), (next, _)] = pair else { unreachable!("a window of two") };
        assert!(*next - *end >= *end - *start, "the others had their time: {sent:?}");
    }
    assert_eq!((alone.ledger(Ledger::len), others.ledger(Ledger::len)), (SUSPECTS, 100));
    scene.close().await;
}

/// Those that find no place in line go back to the schedule, and come again.
#[tokio::test]
async fn only_so_many_wait_to_be_sent_alone() {
    let scene = Scene::start().await;
    let alone = Raw::holding(status(200)).await;
    scene.endpoint(&alone.url(), SECRET, patient("suspect")).await;
    let suspects = scene.suspects("suspect", IN_LINE + 4).await;
    let flaky = Flaky::before(Arc::clone(&scene.store));
    flaky.fail(&["deliveries_feed"], Mood::Away);
    let store = Arc::clone(&flaky) as SharedStore;
    let dispatcher = scene.dispatch_on(store, Options::default()).await;
    scene.publish(Queue::Retry, &suspects).await;
    alone.received(1).await;

    // The first may leave the line before the last one comes.
    until("some are postponed", async || scene.count(Scheduled).await >= 3).await;
    assert!(scene.count(Scheduled).await <= 4);
    assert_eq!((scene.count(InFlight).await, alone.count()), (1, 1));
    alone.open();
    flaky.heal();

    scene.until_delivered(IN_LINE + 4).await;
    assert_eq!(alone.count(), IN_LINE + 4);
    dispatcher.stop().await;
    scene.close().await;
}

/// However often messages name it, it takes one place and is sent once.
#[tokio::test]
async fn a_suspect_is_in_line_once() {
    let scene = Scene::start().await;
    let alone = Raw::holding(status(200)).await;
    scene.endpoint(&alone.url(), SECRET, patient("suspect")).await;
    let suspects = scene.suspects("suspect", 3).await;
    let dispatcher = scene.dispatch().await;
    for _ in 0..IN_LINE {
        scene.publish(Queue::Retry, &suspects).await;
    }
    alone.received(1).await;
    scene.until_queues_are_empty().await;
    assert_eq!((scene.count(InFlight).await, scene.count(Queued).await), (1, 2));

    alone.open();

    scene.until_delivered(3).await;
    assert_eq!(alone.count(), 3);
    dispatcher.stop().await;
    scene.until_queues_are_empty().await;
    scene.close().await;
}

/// One is sent, others are in line: the one is cut off, and the broker keeps the others.
#[tokio::test]
async fn stopping_waits_for_nobody_in_line() {
    let scene = Scene::start().await;
    let alone = Raw::holding(status(200)).await;
    scene.endpoint(&alone.url(), SECRET, patient("suspect")).await;
    let suspects = scene.suspects("suspect", 4).await;
    let dispatcher = scene.dispatch_with(Options::without_grace()).await;
    scene.publish(Queue::Retry, &suspects).await;
    alone.received(1).await;

    dispatcher.stop_with_all_its_tasks().await;

    assert_eq!((scene.count(Scheduled).await, scene.count(Queued).await), (1, 3));
    alone.open();
    let dispatcher = scene.dispatch().await;
    scene.until_delivered(4).await;
    dispatcher.stop().await;
    assert_eq!(alone.count(), 5);
    scene.close().await;
}

/// The only slot is free again at once; the attempt is on record as lost once its lease has ended.
#[tokio::test]
async fn a_panic_costs_an_attempt_and_no_slot() {
    let scene = Scene::start().await;
    let receiver = Receiver::start(Behaviour::ok()).await;
    scene.hook(&receiver, |_| {}).await;
    let flaky = Flaky::before(Arc::clone(&scene.store));
    flaky.fail(&["endpoint_for_sending"], Mood::Panics);
    let store = Arc::clone(&flaky) as SharedStore;
    let dispatcher = scene.dispatch_on(store, Options::default().limits(1, 1)).await;
    let panicked = scene.send(1).await[0].delivery;
    until("it panics", async || flaky.failed("endpoint_for_sending") > 0).await;
    flaky.heal();

    let next = scene.send(1).await[0].delivery;
    scene.until_state(next, Delivered).await;
    assert_eq!(scene.delivery(panicked).await.state, InFlight);
    scene.subject.age(3600).await;

    scene.until_state(panicked, Delivered).await;
    assert_eq!(scene.failures(panicked).await, [Some(FailureKind::Lost), None]);
    dispatcher.stop().await;
    scene.close().await;
}

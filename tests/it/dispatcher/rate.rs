//! Rate limits: never more requests in a window than the contract or the endpoint says, whoever sends them; what is
//! too much waits, goes out in order, and costs no attempt.

use super::flaky::{Flaky, Mood};
use super::harness::{Scene, schedule, until};
use super::running::Options;
use postrider_broker::Queue;
use postrider_common::delivery::DeliveryState;
use postrider_contract::{Contract, OwnRateLimit};
use postrider_store::conformance::fixtures::{event, named};
use postrider_store::{
    BreakerMoved, BreakerTerms, EndpointPatch, NewEndpoint, SharedStore, TestAccepted,
};
use postrider_testkit::{Answer, Behaviour, Ledger, Receiver};
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;

const STANDARD: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../contracts/standard-webhooks.toml"));
const LIMITED: &str = "limited";
const HOUR: i64 = 3600;

/// A tenant whose contract is Standard Webhooks with these windows, of requests and seconds.
pub(super) async fn limited(windows: &[(u32, i64)]) -> Scene {
    let windows: Vec<String> = windows
        .iter()
        .map(|(requests, seconds)| format!("{{ requests = {requests}, seconds = {seconds} }}"))
        .collect();
    let text = STANDARD
        .replace("name = \"standard-webhooks\"", &format!("name = \"{LIMITED}\""))
        .replace("[endpoint]\n", &format!("[endpoint]\nrate_limit = [{}]\n", windows.join(", ")));
    let contract = Contract::parse("limited.toml", &text).unwrap();
    assert_eq!(contract.rate_limit().len(), windows.len());
    let scene = Scene::start_with(LIMITED).await;
    scene.store.contracts_put(&[Arc::new(contract)]).await.unwrap();
    scene
}

/// An endpoint's own windows.
fn own(windows: &[(u32, u32)]) -> OwnRateLimit {
    OwnRateLimit::from_numbers(windows).unwrap()
}

/// When all attempts started.
async fn starts(scene: &Scene) -> Vec<OffsetDateTime> {
    let mut starts = Vec::new();
    for delivery in scene.subject.deliveries(&scene.tenant).await {
        let attempts = scene.attempts(delivery.id).await;
        starts.extend(attempts.iter().map(|attempt| attempt.record.started_at));
    }
    starts.sort();
    starts
}

/// A burst that the dispatcher gets at once: what there is no room for goes back unharmed.
#[tokio::test]
async fn what_is_over_the_rate_waits_and_costs_no_attempt() {
    let scene = limited(&[(100, HOUR)]).await;
    let receiver = Receiver::start(Behaviour::ok()).await;
    scene.hook(&receiver, |_| {}).await;
    let dispatcher = scene.dispatch().await;

    let ids: Vec<_> = scene.send(150).await.iter().map(|item| item.delivery).collect();
    let (sent, waits) = (DeliveryState::Delivered, DeliveryState::Scheduled);
    until("100 are sent, and the rest waits", async || {
        (scene.count(sent).await, scene.count(waits).await) == (100, 50)
    })
    .await;
    for id in &ids {
        let delivery = scene.delivery(*id).await;
        assert_eq!(delivery.attempts, u32::from(delivery.state == sent), "{delivery:?}");
    }
    assert_eq!(receiver.ledger(Ledger::len), 100);

    scene.subject.age(HOUR.cast_unsigned() + 80).await;
    until("the rest is sent", async || scene.count(sent).await == 150).await;
    for id in &ids {
        assert_eq!(scene.delivery(*id).await.attempts, 1);
    }
    dispatcher.stop().await;
    receiver.ledger(|ledger| assert_eq!((ledger.len(), ledger.delivered()), (150, 150)));
    scene.close().await;
}

/// Twelve that were due one after the other, of which each hour takes five, one at a time.
#[tokio::test]
async fn what_waits_is_sent_in_the_order_in_which_it_was_due() {
    let scene = limited(&[(5, HOUR)]).await;
    let receiver = Receiver::start(Behaviour::ok()).await;
    scene.hook(&receiver, |_| {}).await;
    let mut ids = Vec::new();
    for _ in 0..12 {
        ids.extend(scene.subject.schedule(&scene.tenant, 1).await);
        scene.subject.age(1).await;
    }
    let dispatcher = scene.dispatch_with(Options::default().limits(100, 1)).await;

    for total in [5, 10, 12] {
        until("an hour's worth is sent", async || {
            scene.count(DeliveryState::Delivered).await == total
                && scene.count(DeliveryState::Scheduled).await == 12 - total
        })
        .await;
        scene.subject.assert_all(&ids[..total], DeliveryState::Delivered).await;
        assert_eq!(receiver.ledger(Ledger::len), total);
        scene.subject.age(HOUR.cast_unsigned() + 80).await;
    }
    dispatcher.stop().await;
    let sent = receiver.ledger(|ledger| {
        ledger.requests().iter().map(|one| one.webhook_id.clone()).collect::<Vec<_>>()
    });
    assert_eq!(sent, ids.iter().map(|id| format!("msg_{id}")).collect::<Vec<_>>());
    scene.close().await;
}

/// In real time, on one database.
#[tokio::test]
async fn two_dispatchers_keep_to_one_limit() {
    const WINDOWS: [(u32, i64); 2] = [(10, 1), (25, 3)];
    let scene = limited(&WINDOWS).await;
    let receiver = Receiver::start(Behaviour::ok()).await;
    scene.hook(&receiver, |_| {}).await;
    let dispatchers = [scene.dispatch().await, scene.dispatch().await];

    scene.subject.schedule(&scene.tenant, 20).await;
    // Each in a message of its own, so that both get some.
    for item in scene.accept(20).await {
        scene.publish(Queue::First, &[item]).await;
    }
    until("all are sent", async || scene.count(DeliveryState::Delivered).await == 40).await;

    let starts = starts(&scene).await;
    assert_eq!(starts.len(), 40, "each at the first attempt");
    for (requests, seconds) in WINDOWS {
        let (requests, length) = (requests as usize, time::Duration::seconds(seconds));
        for (first, one_too_many) in starts.iter().zip(&starts[requests..]) {
            let apart = *one_too_many - *first;
            assert!(apart >= length, "{} requests within {apart}", requests + 1);
        }
    }
    let [one, other] = dispatchers;
    tokio::join!(one.stop(), other.stop());
    assert_eq!(receiver.ledger(Ledger::len), 40);
    scene.close().await;
}

/// The third is the last for now, and what comes fresh waits behind it.
#[tokio::test]
async fn retries_count_like_first_attempts() {
    let scene = limited(&[(3, HOUR)]).await;
    let receiver = Receiver::start(Behaviour::always(Answer::Status(500))).await;
    scene.hook(&receiver, schedule(&[100; 5])).await;
    let dispatcher = scene.dispatch().await;
    let id = scene.send(1).await[0].delivery;
    for attempts in 1..=3 {
        scene.until_attempted(id, attempts).await;
        scene.subject.age(120).await;
    }

    let fresh = scene.send(1).await[0].delivery;
    let waiting = scene.until_state(fresh, DeliveryState::Scheduled).await;
    assert_eq!(waiting.attempts, 0);
    assert_eq!(scene.until_state(id, DeliveryState::Scheduled).await.attempts, 3);
    assert_eq!(receiver.ledger(Ledger::len), 3);

    scene.subject.age(HOUR.cast_unsigned() + 80).await;
    scene.until_attempted(id, 4).await;
    scene.until_attempted(fresh, 1).await;
    dispatcher.stop().await;
    scene.close().await;
}

/// Although what is withheld was due before it.
#[tokio::test]
async fn a_test_goes_out_while_its_endpoint_is_down() {
    let scene = limited(&[(5, HOUR)]).await;
    let receiver = Receiver::start(Behaviour::ok()).await;
    let endpoint = scene.hook(&receiver, |_| {}).await;
    let withheld = scene.subject.schedule(&scene.tenant, 10).await;
    scene.subject.age(60).await;
    let terms = BreakerTerms {
        rests: vec![Duration::from_hours(1)],
        give_up_after: Duration::from_hours(2),
        probe_within: Duration::from_mins(1),
    };
    let opened = scene.store.breaker_open(endpoint.id, endpoint.version, &terms).await.unwrap();
    assert_eq!(opened, BreakerMoved::Moved);
    let (name, test) = (named(&endpoint), event(&scene.tenant));
    let tested = scene.store.test_accept(&scene.tenant, &name, &test).await.unwrap();
    let TestAccepted::Accepted { delivery, .. } = tested else {
        panic!("there is such an endpoint");
    };
    let dispatcher = scene.dispatch().await;
    assert_eq!(scene.until_state(delivery, DeliveryState::Delivered).await.attempts, 1);
    scene.subject.assert_all(&withheld, DeliveryState::Scheduled).await;
    dispatcher.stop().await;
    assert_eq!(receiver.ledger(Ledger::len), 1);
    scene.close().await;
}

/// A store that does not say whether there is room is no reason to send, nor to lose an attempt.
#[tokio::test]
async fn nothing_is_sent_while_nobody_knows_whether_there_is_room() {
    let scene = limited(&[(100, 1)]).await;
    let receiver = Receiver::start(Behaviour::ok()).await;
    scene.hook(&receiver, |_| {}).await;
    let flaky = Flaky::before(Arc::clone(&scene.store));
    flaky.fail(&["rate_reserve"], Mood::Away);
    let store = Arc::clone(&flaky) as SharedStore;
    let dispatcher = scene.dispatch_on(store, Options::default()).await;

    let id = scene.send(1).await[0].delivery;
    until("it was asked", async || flaky.failed("rate_reserve") > 0).await;
    let waiting = scene.until_state(id, DeliveryState::Scheduled).await;
    assert_eq!((waiting.attempts, receiver.ledger(Ledger::len)), (0, 0));
    flaky.heal();

    assert_eq!(scene.until_state(id, DeliveryState::Delivered).await.attempts, 1);
    dispatcher.stop().await;
    scene.close().await;
}

/// An endpoint without a limit is not asked about, whatever becomes of the limiter.
#[tokio::test]
async fn an_endpoint_without_a_limit_asks_nobody() {
    let scene = Scene::start().await;
    let receiver = Receiver::start(Behaviour::ok()).await;
    scene.hook(&receiver, |_| {}).await;
    let flaky = Flaky::before(Arc::clone(&scene.store));
    flaky.fail(&["rate_reserve"], Mood::Panics);
    let store = Arc::clone(&flaky) as SharedStore;
    let dispatcher = scene.dispatch_on(store, Options::default()).await;

    scene.send(20).await;
    until("all are sent", async || scene.count(DeliveryState::Delivered).await == 20).await;
    assert_eq!(flaky.failed("rate_reserve"), 0);
    dispatcher.stop().await;
    scene.close().await;
}

/// A store that answers later than a start's margin makes the limit tighter, and stops nobody.
#[tokio::test]
async fn a_store_that_is_slow_stops_nothing() {
    let scene = limited(&[(10, 1)]).await;
    let receiver = Receiver::start(Behaviour::ok()).await;
    scene.hook(&receiver, |_| {}).await;
    let flaky = Flaky::before(Arc::clone(&scene.store));
    flaky.fail(&["rate_reserve"], Mood::Slow(Duration::from_millis(300)));
    let store = Arc::clone(&flaky) as SharedStore;
    let dispatcher = scene.dispatch_on(store, Options::default()).await;

    scene.send(12).await;
    until("all are sent", async || scene.count(DeliveryState::Delivered).await == 12).await;
    assert_eq!(starts(&scene).await.len(), 12, "each at the first attempt");
    dispatcher.stop().await;
    scene.close().await;
}

/// A limit of its own is below its contract's, above it, or where that has none. A reservation that a busy
/// machine uses too late is lost, so that fewer may be sent, and never more.
#[tokio::test]
async fn an_endpoints_own_limit_goes_before_its_contracts() {
    for (contracts, own_limit, sent) in [
        (&[(10, HOUR)][..], &[(3, 3_600)][..], 0..=3),
        (&[(2, HOUR)], &[(40, 3_600), (50, 86_400)], 3..=40),
        (&[], &[(5, 3_600)], 0..=5),
    ] {
        let scene = limited(contracts).await;
        let receiver = Receiver::start(Behaviour::ok()).await;
        scene.hook(&receiver, |new: &mut NewEndpoint| new.rate_limit = Some(own(own_limit))).await;
        let dispatcher = scene.dispatch().await;

        scene.send(50).await;
        until("what may be is sent, and the rest waits", async || {
            let delivered = scene.count(DeliveryState::Delivered).await;
            delivered >= *sent.start()
                && scene.count(DeliveryState::Scheduled).await == 50 - delivered
        })
        .await;
        dispatcher.stop().await;
        let requests = receiver.ledger(Ledger::len);
        assert!(sent.contains(&requests), "{requests} by {own_limit:?}");
        scene.close().await;
    }
}

/// Lower, higher and gone again, each without a restart: what the dispatchers know of the endpoint is
/// older than the change.
#[tokio::test]
async fn a_changed_limit_holds_from_then_on() {
    let scene = limited(&[(60, HOUR)]).await;
    let receiver = Receiver::start(Behaviour::ok()).await;
    let endpoint = scene.hook(&receiver, |_| {}).await;
    let dispatchers = [scene.dispatch().await, scene.dispatch().await];
    let change = async |rate_limit| {
        let patch = EndpointPatch { rate_limit: Some(rate_limit), ..EndpointPatch::default() };
        scene.subject.patch(&scene.tenant, &endpoint, patch).await;
    };
    let delivered = async || scene.count(DeliveryState::Delivered).await;
    let rests = async |total: usize| {
        until("what may be is sent, and the rest waits", async || {
            delivered().await + scene.count(DeliveryState::Scheduled).await == total
        })
        .await;
    };
    scene.send(2).await;
    until("both are sent", async || delivered().await == 2).await;

    change(Some(own(&[(3, 3_600)]))).await;
    scene.send(10).await;
    rests(12).await;
    assert!(delivered().await <= 3);
    change(Some(own(&[(80, 3_600)]))).await;
    // What is foreseen of the room is older, too: it is trusted for 10 s.
    scene.subject.age(20).await;
    until("all are sent", async || delivered().await == 12).await;

    change(Some(own(&[(1, 3_600)]))).await;
    scene.send(5).await;
    rests(17).await;
    assert_eq!(delivered().await, 12);
    change(None).await;
    scene.subject.age(20).await;
    until("the contract's holds", async || delivered().await == 17).await;
    let [one, other] = dispatchers;
    tokio::join!(one.stop(), other.stop());
    scene.close().await;
}

//! When a failed delivery is tried again, and when it is given up; and replay.

use super::harness::{SLACK, Scene, end_of, schedule};
use postrider_broker::Queue;
use postrider_common::attempt::Attempt;
use postrider_common::delivery::{DeadReason, DeliveryState};
use postrider_store::Replayed;
use postrider_testkit::{Answer, Behaviour, Ledger, Receiver};

/// The share of a delay by which a retry may be late.
const JITTER: f64 = 0.15;

fn failing() -> Behaviour {
    Behaviour::always(Answer::Status(500))
}

/// Fails unless `waits` is a delay of so many seconds, never less, and jitter.
fn assert_is_delay(waits: time::Duration, seconds: u32) {
    let delay = time::Duration::seconds(seconds.into());
    let longest = delay * (1.0 + JITTER) + SLACK;
    assert!((delay..=longest).contains(&waits), "{waits} is not {delay}");
}

/// The due time counts from the end of the attempt before, on the database's clock.
#[tokio::test]
async fn an_endpoints_own_schedule_goes_before_its_contracts() {
    const OWN: [u32; 3] = [100, 3600, 7];
    let scene = Scene::start().await;
    let receiver = Receiver::start(failing()).await;
    scene.hook(&receiver, schedule(&OWN)).await;
    let dispatcher = scene.dispatch().await;

    let id = scene.send(1).await[0].delivery;

    for (attempts, delay) in (1..).zip(OWN) {
        let delivery = scene.until_attempted(id, attempts).await;
        let last = scene.attempts(id).await.pop().unwrap();
        if delay > 60 {
            // A shorter one may be over by now.
            assert_eq!(delivery.state, DeliveryState::Scheduled);
            assert_is_delay(delivery.next_attempt_at.unwrap() - end_of(&last.record), delay);
        }
        scene.subject.age(2 * u64::from(delay)).await;
    }
    let dead = scene.until_state(id, DeliveryState::Dead).await;
    assert_eq!((dead.attempts, dead.dead_reason), (4, Some(DeadReason::Exhausted)));
    assert_eq!(receiver.ledger(Ledger::len), 4);
    dispatcher.stop().await;
    scene.close().await;
}

/// In real time: nothing is sent before it is due.
#[tokio::test]
async fn a_retry_is_never_early() {
    let scene = Scene::start().await;
    let receiver = Receiver::start(failing()).await;
    scene.hook(&receiver, schedule(&[0, 1])).await;
    let dispatcher = scene.dispatch().await;

    let id = scene.send(1).await[0].delivery;
    scene.until_state(id, DeliveryState::Dead).await;

    let attempts = scene.attempts(id).await;
    let waited = |pair: &[Attempt]| pair[1].record.started_at - end_of(&pair[0].record);
    let waited: Vec<_> = attempts.windows(2).map(waited).collect();
    assert!(waited[0] >= time::Duration::ZERO, "{waited:?}");
    assert!(waited[1] >= time::Duration::SECOND, "{waited:?}");
    dispatcher.stop().await;
    scene.close().await;
}

#[tokio::test]
async fn an_empty_schedule_is_a_single_attempt() {
    let scene = Scene::start().await;
    let receiver = Receiver::start(failing()).await;
    scene.hook(&receiver, schedule(&[])).await;
    let dispatcher = scene.dispatch().await;
    scene.send_one_with_a_single_attempt().await;
    dispatcher.stop().await;
    scene.close().await;
}

/// Twenty deliveries that have failed twice before.
#[tokio::test]
async fn the_contracts_schedule_is_kept_with_jitter() {
    let scene = Scene::start().await;
    let receiver = Receiver::start(failing()).await;
    scene.hook(&receiver, |_| {}).await;
    let dispatcher = scene.dispatch().await;
    let items = scene.accept(20).await;
    scene.subject.hooks.fail_all(2).await.unwrap();

    scene.publish(Queue::First, &items).await;

    let mut delays = Vec::new();
    for item in &items {
        let delivery = scene.until_attempted(item.delivery, 1).await;
        let record = &scene.attempts(item.delivery).await[0].record;
        let delay = delivery.next_attempt_at.unwrap() - end_of(record);
        assert_is_delay(delay, 1800);
        delays.push(delay);
    }
    delays.sort();
    let spread = delays[19] - delays[0];
    assert!(spread > SLACK, "they are due within {spread} of each other");
    dispatcher.stop().await;
    scene.close().await;
}

#[tokio::test]
async fn a_delivery_dies_at_the_end_of_its_contracts_schedule() {
    let scene = Scene::start().await;
    let receiver = Receiver::start(failing()).await;
    scene.hook(&receiver, |_| {}).await;
    let dispatcher = scene.dispatch().await;
    let items = scene.accept(1).await;
    scene.subject.hooks.fail_all(9).await.unwrap();

    scene.publish(Queue::First, &items).await;

    let dead = scene.until_state(items[0].delivery, DeliveryState::Dead).await;
    assert_eq!(dead.dead_reason, Some(DeadReason::Exhausted));
    dispatcher.stop().await;
    scene.close().await;
}

#[tokio::test]
async fn a_replay_begins_the_schedule_anew_under_the_same_id() {
    let scene = Scene::start().await;
    let answers = [500, 500, 500, 200].map(Answer::Status);
    let receiver = Receiver::start(Behaviour::at_first(answers)).await;
    scene.hook(&receiver, schedule(&[0])).await;
    let dispatcher = scene.dispatch().await;
    let id = scene.send(1).await[0].delivery;
    scene.until_state(id, DeliveryState::Dead).await;

    let replayed = scene.store.delivery_replay(&scene.tenant, id).await.unwrap();

    assert_eq!(replayed, Replayed::Replayed);
    let delivered = scene.until_state(id, DeliveryState::Delivered).await;
    assert_eq!((delivered.attempts, delivered.round), (4, 2));
    let numbers: Vec<_> =
        scene.attempts(id).await.iter().map(|attempt| (attempt.number, attempt.round)).collect();
    assert_eq!(numbers, [(1, 1), (2, 1), (3, 2), (4, 2)]);
    assert_eq!(receiver.ledger(|ledger| ledger.of(&format!("msg_{id}")).len()), 4);
    let bodies = receiver.ledger(|ledger| {
        let bodies = ledger.requests().iter().map(|request| request.body.clone());
        bodies.collect::<std::collections::HashSet<_>>()
    });
    assert_eq!(bodies.len(), 1, "the body stays the same");
    dispatcher.stop().await;
    scene.close().await;
}

//! On what terms a delivery is attempted: an endpoint's own numbers in its contract's schedule, and tests.

use super::harness::{Scene, end_of};
use postrider_broker::Queue;
use postrider_common::delivery::{DeadReason, DeliveryState};
use postrider_contract::{BackoffOverrides, Contracts};
use postrider_store::NewEndpoint;
use postrider_store::conformance::fixtures::named;
use postrider_testkit::{Answer, Behaviour, Receiver};

/// By how many seconds the second and the third retry are put off after attempts that fail.
async fn delays(contract: &str, change: impl FnOnce(&mut NewEndpoint)) -> Vec<i64> {
    let scene = Scene::start_with(contract).await;
    let receiver = Receiver::start(Behaviour::always(Answer::Status(500))).await;
    scene.endpoint(&receiver.url(), SECRET, change).await;
    let dispatcher = scene.dispatch().await;
    let items = scene.accept(2).await;
    let mut delays = Vec::new();
    for (failures, item) in (1..).zip(&items) {
        scene.subject.hooks.fail_all(failures).await.unwrap();
        scene.publish(Queue::First, std::slice::from_ref(item)).await;
        let delivery = scene.until_attempted(item.delivery, 1).await;
        let last = scene.attempts(item.delivery).await.pop().unwrap();
        let delay = delivery.next_attempt_at.unwrap() - end_of(&last.record);
        delays.push(delay.whole_seconds());
    }
    dispatcher.stop().await;
    scene.close().await;
    delays
}

const SECRET: &str = "a secret that is not looked at";

#[tokio::test]
async fn an_endpoints_own_numbers_count_where_the_contract_lets_it_have_any() {
    let own = |new: &mut NewEndpoint| {
        new.backoff =
            BackoffOverrides { first_delay: Some(1000), factor: Some(3.0), max_retries: None };
    };
    // Settling takes its time; less than this.
    let rounded = |delays: Vec<i64>| delays.into_iter().map(|s| s / 100 * 100).collect::<Vec<_>>();
    assert_eq!(rounded(delays("leads", own).await), [3000, 9000]);
    let contracts = Contracts::built_in();
    assert!(contracts.get("cathcr").unwrap().backoff().is_none());
    assert_eq!(rounded(delays("cathcr", own).await), [300, 900]);
}

#[tokio::test]
async fn an_endpoint_may_want_no_retries() {
    let scene = Scene::start_with("leads").await;
    let receiver = Receiver::start(Behaviour::always(Answer::Status(500))).await;
    let none = |new: &mut NewEndpoint| new.backoff.max_retries = Some(0);
    scene.endpoint(&receiver.url(), SECRET, none).await;
    let dispatcher = scene.dispatch().await;
    scene.send_one_with_a_single_attempt().await;
    dispatcher.stop().await;
    scene.close().await;
}

/// With a contract that switches endpoints off after the last attempt, and by 410.
#[tokio::test]
async fn a_test_is_attempted_once_and_leaves_its_endpoint_on() {
    for (status, reason) in [(500, DeadReason::Exhausted), (410, DeadReason::Gone)] {
        let scene = Scene::start_with("cathcr").await;
        let receiver = Receiver::start(Behaviour::always(Answer::Status(status))).await;
        let endpoint = scene.endpoint(&receiver.url(), SECRET, |_| {}).await;
        let dispatcher = scene.dispatch().await;
        let items = scene.accept(1).await;
        scene.subject.hooks.make_test(items[0].delivery).await.unwrap();

        scene.publish(Queue::First, &items).await;

        let dead = scene.until_state(items[0].delivery, DeliveryState::Dead).await;
        assert_eq!((dead.attempts, dead.dead_reason), (1, Some(reason)));
        let endpoint = scene.store.endpoint_get(&scene.tenant, &named(&endpoint)).await.unwrap();
        assert!(endpoint.unwrap().disabled.is_none());
        dispatcher.stop().await;
        scene.close().await;
    }
}

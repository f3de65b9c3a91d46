//! Endpoints that change while something is on its way to them, and such as nothing can be sent to.

use super::harness::{SECRET, Scene, schedule, seal_with_another_key};
use super::raw::{Raw, status};
use postrider_common::attempt::FailureKind;
use postrider_common::delivery::{DeadReason, DeliveryState};
use postrider_common::endpoint::Endpoint;
use postrider_common::tenant::TenantScope;
use postrider_store::{EndpointPatch, NewEndpoint};
use postrider_testkit::{Behaviour, Ledger, Receiver};

async fn move_to(scene: &Scene, endpoint: &Endpoint, url: String) {
    let patch = EndpointPatch { url: Some(url), ..EndpointPatch::default() };
    scene.subject.patch(&scene.tenant, endpoint, patch).await;
}

#[tokio::test]
async fn the_next_attempt_goes_to_where_the_endpoint_is_then() {
    let scene = Scene::start().await;
    let old = Raw::holding(status(500)).await;
    let new = Receiver::start(Behaviour::ok()).await;
    let newest = Receiver::start(Behaviour::ok()).await;
    new.trust(SECRET);
    let endpoint = scene.endpoint(&old.url(), SECRET, schedule(&[0])).await;
    let dispatcher = scene.dispatch().await;

    let id = scene.send(1).await[0].delivery;
    old.received(1).await;
    move_to(&scene, &endpoint, new.url()).await;
    old.open();

    scene.until_state(id, DeliveryState::Delivered).await;
    let attempts = scene.attempts(id).await;
    let urls: Vec<_> = attempts.iter().map(|attempt| attempt.record.url.clone()).collect();
    assert_eq!(urls, [old.url(), new.url()]);
    assert_eq!((old.count(), new.ledger(Ledger::delivered)), (1, 1));

    // What the dispatcher knows of it by now is older than this change.
    move_to(&scene, &endpoint, newest.url()).await;
    let id = scene.send(1).await[0].delivery;
    scene.until_state(id, DeliveryState::Delivered).await;
    assert_eq!((newest.ledger(Ledger::len), new.ledger(Ledger::len)), (1, 1));
    dispatcher.stop().await;
    scene.close().await;
}

#[tokio::test]
async fn a_request_that_is_on_its_way_to_a_deleted_endpoint_is_its_last() {
    let scene = Scene::start().await;
    let (failing, well) = (Raw::holding(status(500)).await, Raw::holding(status(200)).await);
    let mut endpoints = Vec::new();
    for raw in [&failing, &well] {
        endpoints.push(scene.endpoint(&raw.url(), SECRET, schedule(&[0, 0])).await);
    }
    let dispatcher = scene.dispatch().await;
    let items = scene.send(1).await;
    for (raw, endpoint) in [&failing, &well].into_iter().zip(&endpoints) {
        raw.received(1).await;
        scene.subject.delete(&scene.tenant, endpoint).await;
        raw.open();
    }

    let to = |index: usize| {
        items.iter().find(|item| item.endpoint == endpoints[index].id).unwrap().delivery
    };
    let dead = scene.until_state(to(0), DeliveryState::Dead).await;
    assert_eq!((dead.dead_reason, dead.attempts), (Some(DeadReason::EndpointDeleted), 1));
    assert_eq!(scene.failures(to(0)).await, [Some(FailureKind::Status)]);
    scene.until_state(to(1), DeliveryState::Delivered).await;
    dispatcher.stop().await;
    assert_eq!((failing.count(), well.count()), (1, 1));
    scene.close().await;
}

/// Every one costs a step of the schedule and says so in the log; nothing crashes, nothing is sent.
#[tokio::test]
async fn an_endpoint_that_nothing_can_be_sent_to_has_it_on_record() {
    type Change = fn(&TenantScope, &mut NewEndpoint);
    let cases: [(&str, Change); 4] = [
        ("a secret under another master key", seal_with_another_key),
        ("a damaged secret", |_, new| {
            new.secret = postrider_common::seal::Sealed::from_bytes(vec![1; 80]);
        }),
        ("a port that is not open", |_, new| "http://example.com:25/".clone_into(&mut new.url)),
        ("no URL at all", |_, new| "no URL".clone_into(&mut new.url)),
    ];
    let scene = Scene::start().await;
    let receiver = Receiver::start(Behaviour::ok()).await;
    let mut endpoints = Vec::new();
    for (what, change) in cases {
        let change = |new: &mut NewEndpoint| {
            schedule(&[0])(new);
            change(&scene.tenant, new);
        };
        endpoints.push((what, scene.endpoint(&receiver.url(), SECRET, change).await));
    }
    endpoints.push((
        "a secret in another form",
        scene.endpoint(&receiver.url(), "hush", schedule(&[0])).await,
    ));
    let dispatcher = scene.dispatch().await;

    let items = scene.send(1).await;

    for (what, endpoint) in &endpoints {
        let item = items.iter().find(|item| item.endpoint == endpoint.id).unwrap();
        let dead = scene.until_state(item.delivery, DeliveryState::Dead).await;
        assert_eq!(dead.dead_reason, Some(DeadReason::Exhausted), "{what}");
        let failures = scene.failures(item.delivery).await;
        assert_eq!(failures, [Some(FailureKind::Request); 2], "{what}");
        let record = &scene.attempts(item.delivery).await[0].record;
        assert_eq!(record.url, endpoint.url, "{what}");
        assert_eq!(record.request_headers, [], "{what}");
    }
    dispatcher.stop().await;
    assert_eq!(receiver.ledger(Ledger::len), 0);
    scene.close().await;
}

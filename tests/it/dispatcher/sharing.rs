//! Shares: what one tenant, and all retries, may hold of a dispatcher's slots, so that whoever hangs leaves
//! room for others. What an endpoint may hold is `fairness`'s.

use super::harness::{SECRET, Scene, check, schedule, tenant, until};
use super::running::Options;
use postrider_broker::{Queue, WorkItem};
use postrider_common::delivery::DeliveryState;
use postrider_common::endpoint::Endpoint;
use postrider_common::tenant::TenantScope;
use postrider_contract::DEFAULT_CONTRACT;
use postrider_store::conformance::fixtures::event;
use postrider_store::{EndpointPatch, NewEndpoint};
use postrider_testkit::{Answer, Behaviour, Ledger, Receiver};
use std::time::Duration;

/// More than any test waits.
fn patient(new: &mut NewEndpoint) {
    new.timeout = Some(Duration::from_mins(2));
}

/// A tenant of its own, with endpoints at one receiver.
async fn customer(scene: &Scene, id: &str, receiver: &Receiver, endpoints: usize) -> TenantScope {
    let tenant = tenant(&scene.store, id, DEFAULT_CONTRACT).await;
    for _ in 0..endpoints {
        scene.endpoint_of(&tenant, &receiver.url(), SECRET, patient).await;
    }
    receiver.trust(SECRET);
    tenant
}

/// Accepts so many events of a tenant, and gives their deliveries.
async fn accept(scene: &Scene, tenant: &TenantScope, count: usize) -> Vec<WorkItem> {
    let events: Vec<_> = (0..count).map(|_| event(tenant)).collect();
    scene.accept_these(&events).await
}

/// How many of these a receiver was sent.
fn sent(receiver: &Receiver, items: &[WorkItem]) -> usize {
    let was_sent = |item: &&WorkItem| {
        receiver.ledger(|ledger| ledger.of(&format!("msg_{}", item.delivery)).len()) > 0
    };
    items.iter().filter(was_sent).count()
}

/// However many endpoints it has, of which none is over its own cap for long.
#[tokio::test]
async fn a_tenant_whose_endpoints_hang_does_not_delay_another() {
    let scene = Scene::start().await;
    let hanging = Receiver::start(Behaviour::hanging()).await;
    let healthy = Receiver::start(Behaviour::ok()).await;
    let slow = customer(&scene, "slow", &hanging, 20).await;
    let quick = customer(&scene, "quick", &healthy, 1).await;
    let stuck = accept(&scene, &slow, 5).await;
    assert_eq!(stuck.len(), 100);
    let dispatcher = scene.dispatch_with(Options::without_grace().limits(32, 4)).await;
    scene.publish(Queue::First, &stuck).await;
    until("it hangs", async || hanging.ledger(Ledger::open) == 16).await;

    let items = accept(&scene, &quick, 40).await;
    scene.publish(Queue::First, &items).await;
    until("the other's are delivered", async || healthy.ledger(Ledger::delivered) == 40).await;

    assert_eq!(hanging.ledger(Ledger::len), 16, "they hung all the while");
    dispatcher.stop().await;
    for tenant in [&slow, &quick] {
        check(&scene.subject, tenant).await;
    }
    scene.close().await;
}

/// The retries' half is shared like the whole.
#[tokio::test]
async fn a_tenant_whose_retries_hang_does_not_delay_anothers() {
    let scene = Scene::start().await;
    let hanging = Receiver::start(Behaviour::hanging()).await;
    let healthy = Receiver::start(Behaviour::ok()).await;
    let slow = customer(&scene, "slow", &hanging, 20).await;
    let quick = customer(&scene, "quick", &healthy, 1).await;
    let stuck = accept(&scene, &slow, 5).await;
    let dispatcher = scene.dispatch_with(Options::without_grace().limits(32, 4)).await;
    scene.publish(Queue::Retry, &stuck).await;
    until("it hangs", async || hanging.ledger(Ledger::open) >= 8).await;

    let items = accept(&scene, &quick, 40).await;
    scene.publish(Queue::Retry, &items).await;
    until("the other's are delivered", async || healthy.ledger(Ledger::delivered) == 40).await;

    assert!(hanging.ledger(Ledger::len) <= 16, "they hung all the while");
    dispatcher.stop().await;
    scene.close().await;
}

/// Their first attempts failed, and their second ones are due.
#[tokio::test]
async fn retries_take_at_most_half_of_the_slots() {
    let scene = Scene::start().await;
    let refusing = Receiver::start(Behaviour::always(Answer::Status(400))).await;
    let hanging = Receiver::start(Behaviour::hanging()).await;
    let (mut tenants, mut retries) = (Vec::new(), Vec::new());
    for id in ["one", "other"] {
        let tenant = tenant(&scene.store, id, DEFAULT_CONTRACT).await;
        let later = |new: &mut NewEndpoint| {
            patient(new);
            schedule(&[3600])(new);
        };
        let endpoint = scene.endpoint_of(&tenant, &refusing.url(), SECRET, later).await;
        retries.extend(accept(&scene, &tenant, 5).await);
        tenants.push((tenant, endpoint));
    }
    let dispatcher = scene.dispatch_with(Options::without_grace().limits(8, 100)).await;
    scene.publish(Queue::First, &retries).await;
    for (tenant, endpoint) in &tenants {
        until_scheduled(&scene, tenant, 5).await;
        move_to(&scene, tenant, endpoint, &hanging).await;
    }

    scene.subject.age(7200).await;
    until("half of the slots are taken", async || hanging.ledger(Ledger::open) == 4).await;
    let mut first = Vec::new();
    for (tenant, _) in &tenants {
        first.extend(accept(&scene, tenant, 10).await);
    }
    scene.publish(Queue::First, &first).await;
    until("all slots are taken", async || hanging.ledger(Ledger::open) == 8).await;

    assert_eq!((sent(&hanging, &retries), sent(&hanging, &first)), (4, 4));
    dispatcher.stop().await;
    assert_eq!(hanging.ledger(Ledger::most_open), 8);
    scene.close().await;
}

/// They wait for what others hold, and let go of what they have themselves.
#[tokio::test]
async fn retries_that_wait_do_not_keep_their_endpoint_from_first_attempts() {
    const CAP: usize = 4;
    let scene = Scene::start().await;
    let hanging = Receiver::start(Behaviour::hanging()).await;
    let healthy = Receiver::start(Behaviour::ok()).await;
    let dispatcher = scene.dispatch_with(Options::without_grace().limits(16, 4)).await;
    for id in ["one", "two"] {
        let tenant = customer(&scene, id, &hanging, 1).await;
        scene.publish(Queue::Retry, &accept(&scene, &tenant, CAP).await).await;
    }
    until("the retries' half is taken", async || hanging.ledger(Ledger::open) == 2 * CAP).await;
    let third = customer(&scene, "three", &healthy, 1).await;
    let retries = accept(&scene, &third, CAP).await;
    scene.publish(Queue::Retry, &retries).await;
    until("they were refused", async || {
        let deliveries = scene.subject.deliveries(&third).await;
        deliveries.iter().all(|one| one.state != DeliveryState::Queued)
    })
    .await;

    // Their endpoint is not said to be over its own cap, which would make these wait for the retries.
    let first = accept(&scene, &third, 10).await;
    assert_eq!(first.len(), 10);
    scene.publish(Queue::First, &first).await;

    until("they are sent", async || sent(&healthy, &first) == 10).await;
    assert_eq!(hanging.ledger(Ledger::len), 2 * CAP, "the others hung all the while");
    dispatcher.stop().await;
    scene.close().await;
}

async fn until_scheduled(scene: &Scene, tenant: &TenantScope, count: usize) {
    until("all are scheduled", async || {
        let deliveries = scene.subject.deliveries(tenant).await;
        let is_scheduled = |state| state == DeliveryState::Scheduled;
        deliveries.iter().filter(|one| is_scheduled(one.state) && one.attempts == 1).count()
            == count
    })
    .await;
}

async fn move_to(scene: &Scene, tenant: &TenantScope, endpoint: &Endpoint, to: &Receiver) {
    let patch = EndpointPatch { url: Some(to.url()), ..EndpointPatch::default() };
    scene.subject.patch(tenant, endpoint, patch).await;
}

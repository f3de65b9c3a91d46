//! The worker that has what is too old removed, driven step by step, and in a running dispatcher.

use super::flaky::{Flaky, Mood};
use super::harness::{SECRET, Scene, nowhere, until};
use postrider_common::delivery::{DeadReason, DeliveryState};
use postrider_common::id::DeliveryId;
use postrider_common::keeping::Days;
use postrider_dispatcher::workers::{Retained, Retainer};
use postrider_store::conformance::fixtures::{queued, success};
use postrider_store::{PartitionRemoval, SharedStore, TenantPatch};
use std::sync::Arc;

const DAYS_31: u64 = 31 * 24 * 3600;

/// A tenant with an event that was accepted so many days ago and delivered.
async fn delivered(scene: &Scene, days: u32) -> DeliveryId {
    let event = scene.subject.event_of(&scene.tenant, days).await;
    let id = queued(&scene.subject.accept_one(event).await).remove(0);
    scene.subject.settle(success(&scene.subject.claim_one(id).await)).await;
    id
}

async fn is_there(scene: &Scene, id: DeliveryId) -> bool {
    scene.store.delivery_get(&scene.tenant, id).await.unwrap().is_some()
}

fn retainer(store: &SharedStore) -> Retainer {
    Retainer::new(Arc::clone(store), Days::USUAL)
}

/// Runs steps until one finds nothing.
async fn run_to_the_end(retainer: &Retainer) -> Vec<Retained> {
    let mut steps = Vec::new();
    loop {
        let step = retainer.run_once().await.unwrap();
        steps.push(step);
        if step.rows.is_none() && step.partitions == PartitionRemoval::Nothing {
            return steps;
        }
    }
}

#[tokio::test]
async fn what_is_too_old_is_removed_step_by_step() {
    let scene = Scene::start().await;
    scene.endpoint(&nowhere().await, SECRET, |_| {}).await;
    let (old, young) = (delivered(&scene, 32).await, delivered(&scene, 29).await);
    run_to_the_end(&retainer(&scene.store)).await;
    assert!(!is_there(&scene, old).await);
    assert!(is_there(&scene, young).await);
    let after = run_to_the_end(&retainer(&scene.store)).await;
    let nothing = Retained { expired: 0, partitions: PartitionRemoval::Nothing, rows: None };
    assert_eq!(after, [nothing], "it rests");
    scene.close().await;
}

/// What the dispatcher is told holds for tenants that have no number of their own.
#[tokio::test]
async fn the_usual_retention_is_told() {
    let scene = Scene::start().await;
    scene.endpoint(&nowhere().await, SECRET, |_| {}).await;
    let (old, young) = (delivered(&scene, 5).await, delivered(&scene, 2).await);
    let days = |days: u32| Days::new(days).unwrap();
    run_to_the_end(&Retainer::new(Arc::clone(&scene.store), days(10))).await;
    assert!(is_there(&scene, old).await);
    scene.subject.age(3600).await;
    run_to_the_end(&Retainer::new(Arc::clone(&scene.store), days(3))).await;
    assert!(!is_there(&scene, old).await);
    assert!(is_there(&scene, young).await);
    let patch = TenantPatch { retention: Some(Some(days(1))), ..TenantPatch::default() };
    scene.store.tenant_update(scene.tenant.tenant(), patch).await.unwrap();
    scene.subject.age(3600).await;
    run_to_the_end(&Retainer::new(Arc::clone(&scene.store), days(3))).await;
    assert!(!is_there(&scene, young).await, "its own number goes first");
    scene.close().await;
}

#[tokio::test]
async fn a_running_dispatcher_gives_up_what_was_held_for_too_long() {
    let scene = Scene::start().await;
    // For longer than it is held, else it is removed as soon as it is dead.
    let patch =
        TenantPatch { retention: Some(Some(Days::new(90_u32).unwrap())), ..TenantPatch::default() };
    scene.store.tenant_update(scene.tenant.tenant(), patch).await.unwrap();
    let endpoint = scene.endpoint(&nowhere().await, SECRET, |_| {}).await;
    scene.subject.switch(&scene.tenant, &endpoint, false).await;
    let event = scene.subject.event_of(&scene.tenant, 32).await;
    scene.subject.accept_one(event).await;
    let held = scene.subject.deliveries(&scene.tenant).await.remove(0).id;
    scene.subject.age(DAYS_31).await;
    let dispatcher = scene.dispatch().await;
    let dead = scene.until_state(held, DeliveryState::Dead).await;
    assert_eq!(dead.dead_reason, Some(DeadReason::Expired));
    dispatcher.stop().await;
    scene.close().await;
}

/// A step that fails is taken again.
#[tokio::test]
async fn a_database_that_is_away_is_waited_for() {
    let scene = Scene::start().await;
    scene.endpoint(&nowhere().await, SECRET, |_| {}).await;
    let old = delivered(&scene, 32).await;
    let flaky = Flaky::before(Arc::clone(&scene.store));
    flaky.fail(&["partitions_remove"], Mood::Away);
    let store: SharedStore = Arc::clone(&flaky) as SharedStore;
    assert!(retainer(&store).run_once().await.is_err());
    assert!(is_there(&scene, old).await);
    flaky.heal();
    run_to_the_end(&retainer(&store)).await;
    until("it is gone", async || !is_there(&scene, old).await).await;
    scene.close().await;
}

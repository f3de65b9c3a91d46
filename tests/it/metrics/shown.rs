//! Where metrics are shown: beside the health of each service, and once for services that share a
//! process.

use super::exposition::Exposition;
use super::scene::{Scene, ask, dispatcher, listener, scrape};
use postrider_broker::{InProcessBroker, SharedBroker};
use postrider_common::metrics::Metrics;
use postrider_testkit::TestStore;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

#[tokio::test(flavor = "multi_thread")]
async fn a_dispatcher_shows_its_metrics_beside_its_health() {
    let database = TestStore::create().await;
    let broker: SharedBroker = Arc::new(InProcessBroker::new());
    let dispatcher = dispatcher(database.store(), broker, &Metrics::new());
    let (health, stop) = (listener().await, CancellationToken::new());
    let at = health.local_addr().unwrap();
    let running = tokio::spawn(dispatcher.run(health, stop.clone()));
    let shown = Exposition::parse(&scrape(at).await);
    assert!(shown.families.contains_key("postrider_attempts"));
    assert!(!shown.families.contains_key("postrider_events_accepted"), "that is ingest's");
    assert_eq!(ask(at, "GET", "/livez").await.0, 200);
    stop.cancel();
    running.await.unwrap();
}

/// That no family is there twice is what the reader of the text sees to.
#[tokio::test(flavor = "multi_thread")]
async fn three_services_in_one_process_show_everything_once() {
    let scene = Scene::start().await;
    // A request is shown once it is answered.
    scene.scrape().await;
    let shown = scene.scrape().await;
    for family in ["postrider_events_accepted", "postrider_attempts", "postrider_http_requests"] {
        assert!(shown.families.contains_key(family), "{family}");
    }
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_of_their_own_count_for_themselves() {
    let (one, other) = (Scene::start().await, Scene::start().await);
    one.publish(super::scene::event("order.paid", "one")).await;
    let accepted = "postrider_events_accepted_total";
    let (one, other) = (one.stop().await, other.stop().await);
    assert_eq!((one.find(accepted, &[]), other.find(accepted, &[])), (Some(1.0), Some(0.0)));
}

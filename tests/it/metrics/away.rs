//! Engines that are away: what they cannot say is not shown, and nobody waits for them.

use super::exposition::Exposition;
use super::scene::{api, ask, listener, scrape};
use postrider_broker::{InProcessBroker, SharedBroker};
use postrider_common::metrics::Metrics;
use postrider_dispatcher::workers::Sampler;
use postrider_store::conformance::Subject;
use postrider_store::{OperatorConfig, SharedStore, StoreConfig};
use postrider_testkit::{TestQueues, TestStore};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

const DUE: &str = "postrider_deliveries_oldest_due_seconds";
const QUEUED: &str = "postrider_deliveries_oldest_queued_seconds";
const PARKED: &str = "postrider_broker_messages_parked";
const READY: &str = "postrider_broker_messages_ready";

fn shown(metrics: &Metrics) -> Exposition {
    Exposition::parse(&metrics.encode().unwrap())
}

fn store_at(address: SocketAddr) -> SharedStore {
    let database_url = format!("postgres://nobody@{address}/nothing").parse().unwrap();
    let config =
        StoreConfig { database_url, database_connections: 2, operator: OperatorConfig::default() };
    postrider_store::connect(&config).unwrap()
}

/// What one sampler has seen, another one that shares its registry takes back.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_engine_cannot_say_is_not_shown() {
    let (subject, queues) = (TestStore::create().await.into_subject(), TestQueues::create());
    let broker = queues.connect();
    postrider_broker::conformance::eventually(async || broker.ping().await).await;
    let metrics = Metrics::new();
    waiting(&subject).await;
    Sampler::new(Arc::clone(&subject.store), Arc::clone(&broker), &metrics).run_once().await;
    let there = shown(&metrics);
    let value = |name| there.find(name, &[]).unwrap();
    assert!(value(DUE) >= 120.0 && value(DUE) < 180.0, "{}", value(DUE));
    assert!(value(QUEUED) >= 60.0 && value(QUEUED) < 110.0, "{}", value(QUEUED));
    let ups = ["postrider_store_up", "postrider_broker_up"];
    assert!(ups.iter().all(|up| value(up) > 0.5));
    assert!(value(PARKED).abs() < f64::EPSILON);
    for queue in ["first", "retry"] {
        assert_eq!(there.find(READY, &[("queue", queue)]), Some(0.0));
    }

    let nobody = listener().await.local_addr().unwrap();
    let closed: SharedBroker = Arc::new(InProcessBroker::new());
    closed.close().await;
    Sampler::new(store_at(nobody), closed, &metrics).run_once().await;
    let away = shown(&metrics);
    for gone in [DUE, QUEUED, PARKED] {
        assert_eq!(away.find(gone, &[]), None, "{gone}");
    }
    assert!(!away.families.contains_key(READY));
    for up in ups {
        assert_eq!(away.find(up, &[]), Some(0.0), "{up}");
    }
    broker.close().await;
}

/// One delivery that has been due for two minutes and one that has been queued for one.
async fn waiting(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    subject.schedule(&tenant, 1).await;
    subject.age(60).await;
    subject.queue(&tenant, 1).await;
    subject.age(60).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_waits_in_an_empty_database() {
    let database = TestStore::create().await;
    let metrics = Metrics::new();
    let broker: SharedBroker = Arc::new(InProcessBroker::new());
    Sampler::new(database.store(), broker, &metrics).run_once().await;
    let there = shown(&metrics);
    assert_eq!((there.find(DUE, &[]), there.find(QUEUED, &[])), (Some(0.0), Some(0.0)));
    let limits = there.sum("postrider_store_connections_limit");
    let open = there.sum("postrider_store_connections");
    assert!(open >= 1.0 && open <= limits, "{open} of {limits}");
}

/// A database that takes connections and says nothing: whoever asks for readiness has to wait for
/// it, and whoever asks for metrics has not.
#[tokio::test(flavor = "multi_thread")]
async fn a_scrape_does_not_wait_for_a_database_that_is_silent() {
    let (silent, http) = (listener().await, listener().await);
    let at = http.local_addr().unwrap();
    let metrics = Metrics::new();
    let api = api(store_at(silent.local_addr().unwrap()), &metrics);
    let _serving = AbortOnDropHandle::new(tokio::spawn(api.run(http, CancellationToken::new())));
    let mut readiness = pin!(ask(at, "GET", "/readyz"));
    let text = tokio::select! {
        biased;
        answer = &mut readiness => panic!("it was answered first: {answer:?}"),
        text = scrape(at) => text,
    };
    assert!(Exposition::parse(&text).families.contains_key("postrider_store_up"));
    assert_eq!(readiness.await.0, 503);
}

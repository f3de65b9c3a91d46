//! A collector that is down or hangs: deliveries go on, the log says it once, the end is not late.

use super::{Parent, SOON, Scene, event, everywhere};
use futures::future::join_all;
use postrider_testkit::{Behaviour, Service};
use serde_json::json;
use std::time::Duration;
use tokio::net::TcpListener;

const EVENTS: usize = 200;
/// More than the three seconds that flushing may take, on a busy machine.
const STOPPED: Duration = Duration::from_secs(30);

/// Publishes so many events, and waits until they are delivered.
async fn deliver(scene: &Scene) {
    let parents = (0..EVENTS).map(|_| Parent::random().text());
    join_all(parents.map(async |parent| scene.publish(event(), &parent).await)).await;
    scene.receiver.wait_for(|ledger| ledger.delivered() == EVENTS, SOON).await.unwrap();
}

/// How often the log of a stopped service says this.
fn said(scene: &Scene, service: Service, text: &str) -> usize {
    scene.stack.log(service).matches(text).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_down_is_mentioned_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    // Every few spans an export of its own, which fails.
    let options = everywhere(&[
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", url.as_str()),
        ("OTEL_BSP_SCHEDULE_DELAY", "10"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "8"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4"),
    ]);
    let mut scene = Scene::start(options, Behaviour::ok(), json!({})).await;
    deliver(&scene).await;
    for service in Service::one_per_process() {
        assert!(scene.stack.terminate(service, STOPPED).await.success());
        assert_eq!(said(&scene, service, "traces cannot be exported"), 1, "{service:?}");
        assert_eq!(said(&scene, service, "exported again"), 0, "{service:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_hangs_delays_nobody_and_no_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    // Takes connections and never says a word.
    let held = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    let options = everywhere(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "60000"),
        ("OTEL_BSP_SCHEDULE_DELAY", "10"),
    ]);
    let mut scene = Scene::start(options, Behaviour::ok(), json!({})).await;
    deliver(&scene).await;
    for service in Service::one_per_process() {
        assert!(scene.stack.terminate(service, STOPPED).await.success());
        assert_eq!(said(&scene, service, "the last spans were not exported"), 1, "{service:?}");
    }
    held.abort();
}

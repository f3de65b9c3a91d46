//! Without an exporter a producer's `traceparent` is passed on as it is, with one only if its
//! producer keeps it; it is none of what decides whether two events are the same.

use super::{ATTEMPT, Parent, SOON, Scene, event, everywhere};
use postrider_ingest::proto::PublishEventRequest;
use postrider_testkit::{Answer, Behaviour, CollectedSpan, Collector, Service, StackOptions};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_producers_context_is_passed_on_and_stays_with_its_event() {
    let failing = Behaviour::per_delivery([Answer::Status(500)]);
    let hook = json!({ "retry_schedule": [0] });
    let scene = Scene::start(StackOptions::default(), failing, hook).await;
    let (first, second) = (Parent::random().text(), Parent::random().text());
    let keyed = || PublishEventRequest { idempotency_key: Some("key-1".to_owned()), ..event() };
    let published = scene.publish(keyed(), &first).await;
    assert!(!published.duplicate);
    let again = scene.publish(keyed(), &second).await;
    assert!(again.duplicate, "the same event, whatever trace it comes in");
    assert_eq!(again.event_id, published.event_id);

    scene.receiver.wait_for(|ledger| ledger.delivered() == 1, SOON).await.unwrap();
    let requests = scene.receiver.ledger(|ledger| ledger.requests().to_vec());
    let carried: Vec<_> = requests.iter().map(|one| one.header("traceparent")).collect();
    assert_eq!(carried, [Some(first.as_str()); 2]);
    assert!(requests.iter().all(|one| one.verified.is_ok()));
    let delivery = &requests[0].webhook_id;
    let attempts = scene.customer.rest().attempts(delivery).await.unwrap();
    let headers = attempts[0]["request"]["headers"].to_string();
    assert!(headers.contains(&first), "the log shows what was sent: {headers}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_context_adds_no_header() {
    let scene = Scene::start(StackOptions::default(), Behaviour::ok(), json!({})).await;
    let good = Parent::random().text();
    for bad in ["nonsense", &good.to_uppercase(), &good[..54], &good.replacen("00", "ff", 1)] {
        scene.publish(event(), bad).await;
    }
    let producer = scene.customer.producer();
    producer.client().publish_event(producer.request(event())).await.unwrap();
    let mut twice = scene.request(event(), &good);
    twice.metadata_mut().append("traceparent", good.parse().unwrap());
    producer.client().publish_event(twice).await.unwrap();

    scene.receiver.wait_for(|ledger| ledger.delivered() == 6, SOON).await.unwrap();
    let requests = scene.receiver.ledger(|ledger| ledger.requests().to_vec());
    assert!(requests.iter().all(|one| one.header("traceparent").is_none()), "{requests:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_that_its_producer_does_not_keep_is_not_kept_here_either() {
    let collector = Collector::start().await;
    let scene = Scene::traced(&collector, Behaviour::ok(), json!({})).await;
    let (unsampled, sampled) = (Parent::random(), Parent::random());
    scene.publish(event(), &unsampled.text().replace("-01", "-00")).await;
    scene.receiver.wait_for(|ledger| ledger.delivered() == 1, SOON).await.unwrap();
    let request = scene.receiver.ledger(|ledger| ledger.requests()[0].clone());
    let carried = request.header("traceparent").unwrap();
    assert!(carried.starts_with(&format!("00-{}-", unsampled.trace_id)), "{carried}");
    assert!(carried.ends_with("-00"), "{carried}");

    // Whatever there was of it would have been exported before this.
    scene.publish(event(), &sampled.text()).await;
    let attempted = |spans: &[CollectedSpan]| sampled.spans(spans).any(|one| one.name == ATTEMPT);
    let spans = collector.wait_for(attempted, SOON).await.unwrap();
    assert_eq!(unsampled.spans(&spans).count(), 0, "{spans:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_exported_when_told_so() {
    let collector = Collector::start().await;
    let url = collector.url();
    let options = everywhere(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
        ("OTEL_TRACES_EXPORTER", "none"),
        ("OTEL_BSP_SCHEDULE_DELAY", "50"),
    ]);
    let mut scene = Scene::start(options, Behaviour::ok(), json!({})).await;
    let given = Parent::random().text();
    scene.publish(event(), &given).await;
    scene.receiver.wait_for(|ledger| ledger.delivered() == 1, SOON).await.unwrap();
    let request = scene.receiver.ledger(|ledger| ledger.requests()[0].clone());
    assert_eq!(request.header("traceparent"), Some(given.as_str()));
    // Whatever there was would be exported at the end.
    for service in Service::one_per_process() {
        assert!(scene.stack.terminate(service, SOON).await.success());
    }
    assert!(collector.spans().is_empty());
}

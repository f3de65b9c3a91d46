//! One trace from the producer's call through the broker to the request that the receiver gets.

use super::{ATTEMPT, PUBLISH_EVENT, SOON, Scene, only};
use postrider_testkit::{Behaviour, CollectedSpan, Collector};
use serde_json::json;
use std::collections::BTreeSet;

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_goes_from_the_producers_call_to_the_receiver() {
    let collector = Collector::start().await;
    let scene = Scene::traced(&collector, Behaviour::ok(), json!({})).await;
    let (parent, spans) = scene.through_the_broker(&collector).await;
    assert_eq!(spans.len(), 4, "{spans:#?}");

    let call = only(&spans, PUBLISH_EVENT);
    let publish = only(&spans, "publish deliveries.first.v1");
    let process = only(&spans, "process deliveries.first.v1");
    let attempt = only(&spans, ATTEMPT);
    let kinds = [call, publish, process, attempt].map(|span| span.kind.as_str());
    assert_eq!(kinds, ["server", "producer", "consumer", "client"]);
    assert_eq!(call.parent_id, parent.span_id);
    assert_eq!(publish.parent_id, call.span_id);
    assert_eq!(process.parent_id, publish.span_id);
    assert_eq!(attempt.parent_id, call.span_id, "as a retry's will be");
    assert_eq!(attempt.links, [(parent.trace_id.clone(), process.span_id.clone())]);

    let carried = |ledger: &postrider_testkit::Ledger| {
        let headers = ledger.requests().iter().filter_map(|request| request.header("traceparent"));
        headers.filter(|header| *header == attempt.traceparent()).count()
    };
    assert_eq!(scene.receiver.ledger(carried), 1, "the receiver got {}", attempt.traceparent());
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_say_what_they_are_about() {
    let collector = Collector::start().await;
    let scene = Scene::traced(&collector, Behaviour::ok(), json!({})).await;
    let (_, spans) = scene.through_the_broker(&collector).await;
    assert!(spans.iter().all(|span| !span.failed), "{spans:#?}");

    let call = only(&spans, PUBLISH_EVENT);
    assert_eq!(call.attribute("rpc.system.name"), "grpc");
    assert_eq!(call.attribute("rpc.method"), PUBLISH_EVENT);
    assert_eq!(call.attribute("rpc.response.status_code"), "OK");
    for (name, operation) in [("publish", "send"), ("process", "process")] {
        let message = only(&spans, &format!("{name} deliveries.first.v1"));
        assert_eq!(message.attribute("messaging.operation.name"), name);
        assert_eq!(message.attribute("messaging.operation.type"), operation);
        assert_eq!(message.attribute("messaging.destination.name"), "deliveries.first.v1");
        assert!(["rabbitmq", "in_process"].contains(&message.attribute("messaging.system")));
        assert_eq!(message.attribute("postrider.deliveries"), "1");
    }
    let attempt = only(&spans, ATTEMPT);
    assert_eq!(attempt.attribute("http.request.method"), "POST");
    assert_eq!(attempt.attribute("http.response.status_code"), "200");
    assert_eq!(attempt.attribute("url.scheme"), "http");
    assert_eq!(attempt.attribute("server.address"), "127.0.0.1");
    let port = scene.receiver.url().trim_end_matches("/hook").rsplit(':').next().map(str::to_owned);
    assert_eq!(Some(attempt.attribute("server.port").to_owned()), port);
    assert_eq!(attempt.attribute("postrider.tenant.id"), "acme");
    assert_eq!(attempt.attribute("postrider.attempt.number"), "1");
    let event = scene.customer.rest().get("/api/v1/events?limit=100").await.unwrap();
    let known = event["data"].as_array().unwrap().iter().filter_map(|event| event["id"].as_str());
    let shown = format!("evt_{}", attempt.attribute("postrider.event.id"));
    assert!(known.into_iter().any(|id| id == shown), "{shown} is none of its events");
}

#[tokio::test(flavor = "multi_thread")]
async fn services_go_by_their_own_names() {
    let collector = Collector::start().await;
    let scene = Scene::traced(&collector, Behaviour::ok(), json!({})).await;
    scene.through_the_broker(&collector).await;
    let asked = |span: &CollectedSpan| span.name == "GET /api/v1/webhooks";
    scene.customer.rest().get("/api/v1/webhooks?limit=5").await.unwrap();
    let spans = collector.wait_for(|spans| spans.iter().any(asked), SOON).await.unwrap();
    let span = spans.iter().find(|span| asked(span)).unwrap();
    assert_eq!((span.kind.as_str(), span.parent_id.as_str()), ("server", ""));
    assert_eq!(span.attribute("http.route"), "/api/v1/webhooks");
    assert_eq!(span.attribute("http.response.status_code"), "200");

    let names: BTreeSet<_> = spans.iter().map(|span| span.service.as_str()).collect();
    let one_process = BTreeSet::from(["postrider-standalone"]);
    let three = BTreeSet::from(["postrider-api", "postrider-dispatcher", "postrider-ingest"]);
    assert!(names == one_process || names == three, "{names:?}");
    assert!(spans.iter().all(|span| !span.name.contains("readyz")), "probes leave no spans");
}

//! Calls over gRPC and requests over HTTP, by what they were answered with.

use super::counting::assert_shown;
use super::scene::{Scene, ask, event, with_key};
use futures::stream;
use postrider_ingest::proto::ingest_client::IngestClient;
use postrider_ingest::proto::{PublishEventsRequest, StreamEventsRequest};
use serde_json::json;
use tonic::Code;
use tonic::transport::Endpoint;

const CALLS: &str = "postrider_grpc_calls_total";
const DURATIONS: &str = "postrider_grpc_call_duration_seconds_count";

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_counted_by_method_and_code() {
    let scene = Scene::start().await;
    let mut client = scene.client();
    scene.publish(event("order.paid", "one")).await;
    let refused = client.publish_event(with_key(event("order.paid", "two"), "no-key")).await;
    assert_eq!(refused.unwrap_err().code(), Code::Unauthenticated);
    let refused = client.publish_event(scene.request(event("", "three"))).await;
    assert_eq!(refused.unwrap_err().code(), Code::InvalidArgument);
    let batch = PublishEventsRequest { events: vec![event("order.paid", "four"), event("", "x")] };
    client.publish_events(scene.request(batch)).await.unwrap();
    let sent = [event("order.paid", "five"), event("", "y"), event("order.paid", "four")]
        .map(|event| StreamEventsRequest { event: Some(event) });
    let mut answers =
        client.stream_events(scene.request(stream::iter(sent))).await.unwrap().into_inner();
    while answers.message().await.unwrap().is_some() {}

    let ok = |method| [("method", method), ("code", "OK")];
    let shown = scene.scrape_until(|shown| shown.value(CALLS, &ok("StreamEvents")) > 0.5).await;
    let one = |code| [("method", "PublishEvent"), ("code", code)];
    let refused = "postrider_events_refused_total";
    assert_shown(
        &shown,
        &[
            (CALLS, &one("OK"), 1.0),
            (CALLS, &one("UNAUTHENTICATED"), 1.0),
            (CALLS, &one("INVALID_ARGUMENT"), 1.0),
            (CALLS, &ok("PublishEvents"), 1.0),
            (CALLS, &ok("StreamEvents"), 1.0),
            (DURATIONS, &[("method", "PublishEvent")], 3.0),
            (DURATIONS, &[("method", "StreamEvents")], 1.0),
            (refused, &[("reason", "API_KEY_INVALID")], 1.0),
            (refused, &[("reason", "INVALID_ARGUMENT")], 3.0),
            ("postrider_events_accepted_total", &[], 3.0),
            ("postrider_events_duplicate_total", &[], 1.0),
        ],
    );
    assert!((shown.sum(CALLS) - 5.0).abs() < f64::EPSILON, "no other call");
    scene.stop().await;
}

/// A call whose caller dies has no code; one that the service ends has.
#[tokio::test(flavor = "multi_thread")]
async fn calls_that_end_otherwise_are_counted_as_well() {
    let scene = Scene::start().await;
    let dying = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (sent, grpc) = (stream::pending::<StreamEventsRequest>(), scene.grpc.clone());
    let request = scene.request(sent);
    let call = dying.spawn(async move {
        let mut client = IngestClient::new(Endpoint::from_shared(grpc).unwrap().connect_lazy());
        client.stream_events(request).await.unwrap()
    });
    let open = call.await.unwrap();
    dying.shutdown_background();
    drop(open);
    let cancelled = [("method", "StreamEvents"), ("code", "CANCELLED")];
    scene.scrape_until(|shown| shown.value(CALLS, &cancelled) > 0.5).await;

    let mut late = scene.request(stream::pending::<StreamEventsRequest>());
    late.set_timeout(std::time::Duration::from_millis(50));
    let mut late = scene.client().stream_events(late).await.unwrap().into_inner();
    assert_eq!(late.message().await.unwrap_err().code(), Code::DeadlineExceeded);
    let sum = |shown: &super::exposition::Exposition| shown.sum(CALLS);
    let shown = scene.scrape_until(|shown| sum(shown) > 1.5).await;
    assert!((sum(&shown) - 2.0).abs() < f64::EPSILON);
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_counted_by_method_route_and_class() {
    let scene = Scene::start().await;
    scene.rest.get("/api/v1/webhooks/webhook_nobody").await.unwrap_err();
    scene.rest.get("/api/v1/webhooks/webhook_no_other").await.unwrap_err();
    scene.rest.post("/api/v1/webhooks", &json!({ "url": 7 })).await.unwrap_err();
    scene.rest.get("/wp-login.php").await.unwrap_err();
    assert_eq!(ask(scene.http, "SPY", "/livez").await.0, 405);
    scene.scrape().await;

    let shown = scene.scrape().await;
    let requests = |method, route, status| {
        let labels = [("method", method), ("route", route), ("status", status)];
        shown.value("postrider_http_requests_total", &labels)
    };
    let is = |method, route, status, count: f64| {
        let shown = requests(method, route, status);
        assert!((shown - count).abs() < f64::EPSILON, "{method} {route} {status} is {shown}");
    };
    is("POST", "/api/v1/tenants", "2xx", 1.0);
    is("POST", "/api/v1/tenants/{tenant_id}/api-keys", "2xx", 1.0);
    is("GET", "/api/v1/webhooks/{id}", "4xx", 2.0);
    is("POST", "/api/v1/webhooks", "4xx", 1.0);
    is("GET", "none", "4xx", 1.0);
    is("other", "/livez", "4xx", 1.0);
    // The scrape that shows this is not answered yet.
    is("GET", "/metrics", "2xx", 1.0);
    let durations = [("method", "GET"), ("route", "/api/v1/webhooks/{id}")];
    let count = shown.value("postrider_http_request_duration_seconds_count", &durations);
    assert!((count - 2.0).abs() < f64::EPSILON, "{count}");
    scene.stop().await;
}

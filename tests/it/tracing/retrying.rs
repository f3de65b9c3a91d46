//! Attempts that fail: the retry is in the same trace, and each says how it went.

use super::{ATTEMPT, PUBLISH_EVENT, Parent, SOON, Scene, event};
use postrider_testkit::{Answer, Behaviour, CollectedSpan, Collector};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_is_in_the_trace_of_its_event() {
    let collector = Collector::start().await;
    let failing = Behaviour::per_delivery([Answer::Status(503), Answer::Close]);
    let scene = Scene::traced(&collector, failing, json!({ "retry_schedule": [0, 1] })).await;
    let parent = Parent::random();
    scene.publish(event(), &parent.text()).await;
    let attempts = |spans: &[CollectedSpan]| -> Vec<CollectedSpan> {
        parent.spans(spans).filter(|span| span.name == ATTEMPT).cloned().collect()
    };
    let all = |spans: &[CollectedSpan]| {
        attempts(spans).len() == 3 && parent.spans(spans).any(|span| span.name == PUBLISH_EVENT)
    };
    let spans = collector.wait_for(all, SOON).await.unwrap();
    let call = parent.spans(&spans).find(|span| span.name == PUBLISH_EVENT).unwrap();

    let mut attempts = attempts(&spans);
    attempts.sort_by_key(|span| span.attribute("postrider.attempt.number").to_owned());
    let said: Vec<_> = attempts
        .iter()
        .map(|span| {
            let status = span.attribute("http.response.status_code");
            let resent = span.attribute("http.request.resend_count");
            (resent, status, span.attribute("error.type"), span.failed)
        })
        .collect();
    let expected = [("", "503", "503", true), ("1", "", "closed", true), ("2", "200", "", false)];
    assert_eq!(said, expected);
    assert!(attempts.iter().all(|span| span.parent_id == call.span_id), "{attempts:#?}");

    let requests = scene.receiver.ledger(|ledger| ledger.requests().to_vec());
    let carried: Vec<_> =
        requests.iter().filter_map(|request| request.header("traceparent")).collect();
    let spans: Vec<_> = attempts.iter().map(CollectedSpan::traceparent).collect();
    assert_eq!(carried, spans, "each request carries the span of its own attempt");
}

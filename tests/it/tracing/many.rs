//! Many events at a time: a message is part of the traces of all its events, and every event of a
//! call is part of that call's trace.

use super::{ATTEMPT, Parent, SOON, Scene, event, is_publish};
use futures::future::join_all;
use futures::stream;
use postrider_ingest::proto::{PublishEventsRequest, StreamEventsRequest};
use postrider_testkit::{Behaviour, CollectedSpan, Collector};
use serde_json::json;

/// Calls at a time: fewer than a span may have links.
const CALLS: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_published_for_the_traces_of_all_its_events() {
    let collector = Collector::start().await;
    let scene = Scene::traced(&collector, Behaviour::ok(), json!({})).await;
    scene.through_the_broker(&collector).await;
    let parents: Vec<_> = (0..CALLS).map(|_| Parent::random()).collect();
    join_all(parents.iter().map(async |parent| scene.publish(event(), &parent.text()).await)).await;

    let published_for = |spans: &[CollectedSpan], parent: &Parent| {
        spans.iter().filter(|span| is_publish(span)).any(|span| {
            let linked = span.links.iter().any(|(trace, _)| *trace == parent.trace_id);
            span.trace_id == parent.trace_id || linked
        })
    };
    let attempted = |spans: &[CollectedSpan], parent: &Parent| {
        parent.spans(spans).any(|span| span.name == ATTEMPT && !span.links.is_empty())
    };
    let all = |spans: &[CollectedSpan]| {
        parents.iter().all(|parent| published_for(spans, parent) && attempted(spans, parent))
    };
    collector.wait_for(all, SOON).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_of_a_call_is_part_of_its_trace() {
    let collector = Collector::start().await;
    let scene = Scene::traced(&collector, Behaviour::ok(), json!({})).await;
    let (batch, streamed) = (Parent::random(), Parent::random());
    let mut client = scene.customer.producer().client();
    let events = PublishEventsRequest { events: vec![event(); 3] };
    client.publish_events(scene.request(events, &batch.text())).await.unwrap();
    let one = StreamEventsRequest { event: Some(event()) };
    let stream = scene.request(stream::iter(vec![one; 3]), &streamed.text());
    let mut answers = client.stream_events(stream).await.unwrap().into_inner();
    while answers.message().await.unwrap().is_some() {}

    for (parent, name) in [(batch, "PublishEvents"), (streamed, "StreamEvents")] {
        let name = format!("postrider.v1.Ingest/{name}");
        let attempts = |spans: &[CollectedSpan]| {
            parent.spans(spans).filter(|span| span.name == ATTEMPT).count() == 3
                && parent.spans(spans).any(|span| span.name == name)
        };
        let spans = collector.wait_for(attempts, SOON).await.unwrap();
        let call = parent.spans(&spans).find(|span| span.name == name).unwrap();
        assert_eq!(call.parent_id, parent.span_id);
        assert_eq!(call.attribute("rpc.response.status_code"), "OK");
        let attempts = parent.spans(&spans).filter(|span| span.name == ATTEMPT);
        assert!(attempts.into_iter().all(|span| span.parent_id == call.span_id), "{spans:#?}");
    }
}

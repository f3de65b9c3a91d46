//! `ordering_key`: kept with the event, part of what decides "same", and the order of acceptance is the
//! order in which a stream brings the events.

use super::harness::{Scene, event, keyed};
use futures::stream;
use postrider_common::delivery::{Delivery, DeliveryState};
use postrider_common::ordering::{EndpointOrdering, OnFailure};
use postrider_ingest::proto::stream_events_response::Result as Item;
use postrider_ingest::proto::{PublishEventRequest, StreamEventsRequest};
use tonic::Code;

const ORDER: EndpointOrdering = EndpointOrdering { by_key: true, on_failure: OnFailure::GoOn };

fn with_key(n: usize, key: &str) -> PublishEventRequest {
    let (event_id, key) = (Some(format!("e-{n}")), Some(key.to_owned()));
    PublishEventRequest { event_id, ordering_key: key, ..event() }
}

/// The ids that the producer gave to the events of one key, in the order of their deliveries.
fn in_order(deliveries: &[Delivery], key: &str) -> Vec<String> {
    let of_key = |delivery: &&Delivery| delivery.ordering_key.as_deref() == Some(key);
    let mut deliveries: Vec<&Delivery> = deliveries.iter().filter(of_key).collect();
    deliveries.sort_unstable_by_key(|delivery| delivery.sequence);
    deliveries.iter().filter_map(|delivery| delivery.given_event_id.clone()).collect()
}

#[tokio::test]
async fn events_of_one_stream_keep_their_order() {
    const EVENTS: usize = 5_000;
    let keys = ["a", "b", "user:17"];
    let scene = Scene::start().await;
    scene.endpoint_with(&["*"], ORDER).await;
    let events =
        (0..EVENTS).map(|n| StreamEventsRequest { event: Some(with_key(n, keys[n % keys.len()])) });
    let request = scene.request(stream::iter(events.collect::<Vec<_>>()));
    let mut answers = scene.client().stream_events(request).await.unwrap().into_inner();
    let mut answered = 0;
    while let Some(answer) = answers.message().await.unwrap() {
        assert!(matches!(answer.result, Some(Item::Response(_))), "{answer:?}");
        answered += 1;
    }
    assert_eq!(answered, EVENTS);

    let deliveries = scene.deliveries(None).await;
    for (place, key) in keys.into_iter().enumerate() {
        let sent = (0..EVENTS).filter(|n| n % keys.len() == place).map(|n| format!("e-{n}"));
        assert_eq!(in_order(&deliveries, key), sent.collect::<Vec<_>>(), "{key}");
    }
    let first = deliveries.iter().filter(|delivery| delivery.state == DeliveryState::Queued);
    let mut first: Vec<_> = first.filter_map(|one| one.given_event_id.as_deref()).collect();
    first.sort_unstable();
    assert_eq!(first, ["e-0", "e-1", "e-2"], "one of each key; all others wait");
}

#[tokio::test]
async fn an_endpoint_that_asks_for_no_order_has_none() {
    let scene = Scene::start().await;
    scene.endpoint(&["*"]).await;
    for n in 0..3 {
        let request = scene.request(with_key(n, "a"));
        scene.client().publish_event(request).await.unwrap();
    }
    let deliveries = scene.deliveries(Some(DeliveryState::Queued)).await;
    assert_eq!(deliveries.len(), 3);
    assert!(deliveries.iter().all(|delivery| delivery.sequence.is_none()));
}

#[tokio::test]
async fn another_ordering_key_is_another_event() {
    let scene = Scene::start().await;
    let publish = async |ordering_key: Option<&str>| {
        let ordering_key = ordering_key.map(str::to_owned);
        let request = scene.request(PublishEventRequest { ordering_key, ..keyed("k") });
        scene.client().publish_event(request).await.map(|answer| answer.into_inner().duplicate)
    };
    assert!(!publish(Some("a")).await.unwrap());
    assert!(publish(Some("a")).await.unwrap());
    for other in [Some("b"), None] {
        assert_eq!(publish(other).await.unwrap_err().code(), Code::AlreadyExists);
    }
}

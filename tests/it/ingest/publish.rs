//! `PublishEvent`: what it stores, what it answers, and what a key makes of a second call.

use super::harness::{Scene, event, keyed, scope};
use futures::future::join_all;
use postrider_common::id::EventId;
use postrider_ingest::proto::{PublishEventRequest, PublishEventResponse};
use std::collections::HashSet;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

async fn publish(
    scene: &Scene,
    event: PublishEventRequest,
) -> Result<PublishEventResponse, Status> {
    scene.client().publish_event(scene.request(event)).await.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn an_event_is_stored_with_a_delivery_for_each_endpoint_that_wants_it() {
    let scene = Scene::start().await;
    scene.endpoint(&["order.paid"]).await;
    scene.endpoint(&["*"]).await;
    scene.endpoint(&["order.cancelled"]).await;
    let metadata = [("region".to_owned(), "eu".to_owned())];
    let answer =
        publish(&scene, PublishEventRequest { metadata: metadata.into(), ..event() }).await;
    let answer = answer.unwrap();
    assert_eq!((answer.duplicate, answer.deliveries), (false, 2));
    assert!(answer.event_id.starts_with("evt_"), "{}", answer.event_id);

    let stored = scene.store.event_get(&scope(), &answer.event_id).await.unwrap().unwrap();
    assert_eq!(stored.payload, r#"{"order":1.5}"#);
    assert_eq!(stored.metadata["region"], "eu");
    let deliveries = scene.deliveries(None).await;
    assert_eq!(deliveries.len(), 2);
    assert!(deliveries.iter().all(|delivery| delivery.event == stored.id));
}

#[tokio::test]
async fn what_is_committed_is_announced() {
    let scene = Scene::start().await;
    scene.endpoint(&["*"]).await;
    for _ in 0..3 {
        publish(&scene, event()).await.unwrap();
    }
    let owed: HashSet<_> = scene.deliveries(None).await.iter().map(|owed| owed.id).collect();
    scene.running.stop().await;
    let announced: HashSet<_> = scene.broker.confirmed().iter().map(|item| item.delivery).collect();
    assert_eq!((announced.len(), announced), (3, owed));
}

#[tokio::test]
async fn the_same_key_means_the_same_event_whichever_of_the_two_it_is() {
    let scene = Scene::start().await;
    let named = PublishEventRequest { event_id: Some("order-1".to_owned()), ..event() };
    let both = PublishEventRequest { event_id: Some("order-2".to_owned()), ..keyed("key-2") };
    for request in [keyed("key-1"), named, both] {
        let first = publish(&scene, request.clone()).await.unwrap();
        // White space is no difference.
        let again = PublishEventRequest { payload: r#"{"order":1.5 }"#.into(), ..request };
        let second = publish(&scene, again).await.unwrap();
        assert!(!first.duplicate && second.duplicate);
        assert_eq!(first.event_id, second.event_id);
    }
    assert_eq!(scene.events().await, 3);
}

#[tokio::test]
async fn an_id_that_the_producer_gave_is_answered_as_given() {
    let scene = Scene::start().await;
    let named = PublishEventRequest { event_id: Some("order-1".to_owned()), ..event() };
    let answer = publish(&scene, named).await.unwrap();
    assert_eq!(answer.event_id, "order-1");
    assert!(scene.store.event_get(&scope(), "order-1").await.unwrap().is_some());
}

/// One text names one event, and an id that nobody else has may look as it likes.
#[tokio::test]
async fn the_id_of_another_event_is_refused_by_field_and_rule() {
    let scene = Scene::start().await;
    let ours = publish(&scene, event()).await.unwrap().event_id;
    let named = |id: &str| PublishEventRequest { event_id: Some(id.to_owned()), ..event() };
    for text in [ours.as_str(), ours.strip_prefix("evt_").unwrap()] {
        let status = publish(&scene, named(text)).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        let violations = status.get_details_bad_request().unwrap().field_violations;
        let broken: Vec<_> =
            violations.iter().map(|one| (one.field.as_str(), one.description.as_str())).collect();
        let rule = "must not be the id that another event got from Postrider";
        assert_eq!(broken, [("event_id", rule)], "{text}");
    }
    for text in [format!("evt_{}", EventId::generate()), "evt_123".to_owned()] {
        let answer = publish(&scene, named(&text)).await.unwrap();
        assert_eq!((answer.event_id, answer.duplicate), (text, false));
    }
    assert_eq!(scene.events().await, 3);
}

#[tokio::test]
async fn without_a_key_each_call_is_a_new_event() {
    let scene = Scene::start().await;
    let first = publish(&scene, event()).await.unwrap();
    let second = publish(&scene, event()).await.unwrap();
    assert_ne!(first.event_id, second.event_id);
    assert!(EventId::parse(&second.event_id).is_ok());
}

#[tokio::test]
async fn a_key_that_meant_something_else_is_a_conflict_that_names_its_field() {
    let scene = Scene::start().await;
    let named = |id: &str, base| PublishEventRequest { event_id: Some(id.to_owned()), ..base };
    let other = |base| PublishEventRequest { event_type: "order.lost".to_owned(), ..base };
    for accepted in [keyed("key-1"), keyed("key-2"), named("id-1", event())] {
        publish(&scene, accepted).await.unwrap();
    }
    let at = Some(prost_types::Timestamp { seconds: 7, nanos: 0 });
    let cases = [
        (other(keyed("key-1")), "idempotency_key"),
        (PublishEventRequest { payload: "{}".into(), ..keyed("key-1") }, "idempotency_key"),
        (PublishEventRequest { occurred_at: at, ..keyed("key-1") }, "idempotency_key"),
        (other(named("id-1", event())), "event_id"),
        (named("id-2", keyed("key-2")), "idempotency_key"),
    ];
    for (request, field) in cases {
        let status = publish(&scene, request).await.unwrap_err();
        assert_eq!(status.code(), Code::AlreadyExists, "{status:?}");
        let info = status.get_details_error_info().unwrap();
        assert_eq!(
            (info.reason.as_str(), info.domain.as_str()),
            ("IDEMPOTENCY_CONFLICT", "postrider")
        );
        assert_eq!(info.metadata["field"], field);
    }
    assert_eq!(scene.events().await, 3);
}

#[tokio::test]
async fn one_key_sent_by_many_at_once_makes_one_event() {
    let scene = Scene::start().await;
    scene.endpoint(&["*"]).await;
    let calls = join_all((0..64).map(|_| publish(&scene, keyed("key")))).await;
    let answers: Vec<_> = calls.into_iter().map(Result::unwrap).collect();
    let ids: HashSet<_> = answers.iter().map(|answer| &answer.event_id).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(answers.iter().filter(|answer| !answer.duplicate).count(), 1);
    assert!(answers.iter().all(|answer| answer.deliveries == 1));
    assert_eq!(scene.deliveries(None).await.len(), 1);
}

#[tokio::test]
async fn a_refused_event_is_answered_with_every_field_and_stored_nowhere() {
    let scene = Scene::start().await;
    let bad = PublishEventRequest { event_type: "?".to_owned(), payload: "[]".into(), ..event() };
    let status = publish(&scene, bad).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let violations = status.get_details_bad_request().unwrap().field_violations;
    let fields: Vec<_> = violations.iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(fields, ["event_type", "payload"]);
    assert_eq!(scene.events().await, 0);
}

//! `PublishEvents`: its limits, and that each event stands for itself.

use super::harness::{Scene, event, keyed};
use postrider_ingest::proto::publish_events_result::Result as Item;
use postrider_ingest::proto::{
    PublishEventRequest, PublishEventResponse, PublishEventsRequest, PublishEventsResult,
};
use tonic::{Code, Status};
use tonic_types::{RpcStatusExt as _, StatusExt as _};

async fn publish(
    scene: &Scene,
    events: Vec<PublishEventRequest>,
) -> Result<Vec<PublishEventsResult>, Status> {
    let request = scene.request(PublishEventsRequest { events });
    scene.client().publish_events(request).await.map(|answer| answer.into_inner().results)
}

fn accepted(result: &PublishEventsResult) -> &PublishEventResponse {
    match &result.result {
        Some(Item::Response(response)) => response,
        other => panic!("{other:?}"),
    }
}

fn refused(result: &PublishEventsResult) -> &tonic_types::Status {
    match &result.result {
        Some(Item::Error(status)) => status,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn results_come_in_order_and_a_bad_event_leaves_its_neighbours_alone() {
    let scene = Scene::start().await;
    scene.endpoint(&["*"]).await;
    let bad = PublishEventRequest { event_type: String::new(), ..event() };
    let foreign = PublishEventRequest { tenant_id: "other".to_owned(), ..event() };
    let other = PublishEventRequest { payload: "{}".into(), ..keyed("key") };
    let events = vec![keyed("key"), bad, event(), foreign, other, keyed("key"), event()];
    let results = publish(&scene, events).await.unwrap();
    let indices: Vec<_> = results.iter().map(|result| result.index).collect();
    assert_eq!(indices, (0..7).collect::<Vec<_>>());

    for index in [0, 2, 6] {
        let response = accepted(&results[index]);
        assert_eq!((response.duplicate, response.deliveries), (false, 1), "{index}");
    }
    assert_eq!(accepted(&results[5]).event_id, accepted(&results[0]).event_id);
    assert!(accepted(&results[5]).duplicate);

    assert_eq!(refused(&results[1]).code, i32::from(Code::InvalidArgument));
    let violations = refused(&results[1]).get_details_bad_request().unwrap().field_violations;
    assert_eq!(violations[0].field, "event_type");
    assert_eq!(refused(&results[3]).code, i32::from(Code::PermissionDenied));
    assert_eq!(refused(&results[4]).code, i32::from(Code::AlreadyExists));
    assert!(refused(&results[4]).get_details_error_info().is_some());
    assert_eq!(scene.events().await, 3);
}

#[tokio::test]
async fn a_thousand_events_are_a_batch_and_none_are_one_too() {
    let scene = Scene::start().await;
    assert_eq!(publish(&scene, Vec::new()).await.unwrap(), []);
    let results = publish(&scene, vec![event(); 1000]).await.unwrap();
    assert_eq!(results.iter().filter(|result| !accepted(result).duplicate).count(), 1000);
    assert_eq!(scene.events().await, 1000);
}

#[tokio::test]
async fn a_batch_that_is_too_large_is_refused_as_a_whole() {
    let scene = Scene::start().await;
    let large = format!(r#"{{"a":"{}"}}"#, "x".repeat(250_000));
    let large = PublishEventRequest { payload: large.into(), ..event() };
    for (events, rule) in [
        (vec![event(); 1001], "at most 1000, are 1001"),
        (vec![large.clone(); 17], "at most 4194304 bytes"),
    ] {
        let status = publish(&scene, events).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        let violations = status.get_details_bad_request().unwrap().field_violations;
        assert_eq!(violations[0].field, "events");
        assert!(violations[0].description.contains(rule), "{violations:?}");
    }
    let status = publish(&scene, vec![large; 80]).await.unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange, "a message of 20 MB is not even read");
    assert_eq!(scene.events().await, 0);
    publish(&scene, vec![event()]).await.unwrap();
}

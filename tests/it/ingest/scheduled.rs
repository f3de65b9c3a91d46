//! `deliver_at`: accepted now, due then.

use super::harness::{Scene, event, keyed};
use postrider_common::delivery::DeliveryState;
use postrider_ingest::proto::publish_events_result::Result::{Error, Response};
use postrider_ingest::proto::{PublishEventRequest, PublishEventResponse, PublishEventsRequest};
use prost_types::Timestamp;
use time::OffsetDateTime;
use tonic::{Code, Status};
use tonic_types::{BadRequest, StatusExt as _};

const DAY: i64 = 86_400;

async fn publish(
    scene: &Scene,
    event: PublishEventRequest,
) -> Result<PublishEventResponse, Status> {
    scene.client().publish_event(scene.request(event)).await.map(tonic::Response::into_inner)
}

/// So many seconds from the time at which an event is accepted.
async fn ahead(scene: &Scene, seconds: i64) -> Timestamp {
    let answer = publish(scene, event()).await.unwrap();
    let accepted = scene.store.event_get(&super::harness::scope(), &answer.event_id).await;
    let now = accepted.unwrap().unwrap().accepted_at;
    Timestamp { seconds: now.unix_timestamp() + seconds, nanos: 0 }
}

/// The fields and rules that a refusal names.
fn violations(details: Option<BadRequest>) -> Vec<(String, String)> {
    let violations = details.unwrap().field_violations;
    violations.into_iter().map(|one| (one.field, one.description)).collect()
}

#[tokio::test]
async fn an_event_for_later_is_scheduled_for_then() {
    let scene = Scene::start().await;
    let deliver_at = ahead(&scene, 29 * DAY).await;
    scene.endpoint(&["*"]).await;
    let later = PublishEventRequest { deliver_at: Some(deliver_at), ..keyed("later") };
    let first = publish(&scene, later.clone()).await.unwrap();
    assert_eq!((first.duplicate, first.deliveries), (false, 1));
    let again = publish(&scene, later.clone()).await.unwrap();
    assert_eq!((again.duplicate, again.event_id), (true, first.event_id));

    let delivery = scene.deliveries(Some(DeliveryState::Scheduled)).await.remove(0);
    let due = OffsetDateTime::from_unix_timestamp(deliver_at.seconds).unwrap();
    assert_eq!(delivery.next_attempt_at, Some(due));
    scene.running.stop().await;
    assert_eq!(scene.broker.confirmed(), [], "no message names it");
}

/// The time is part of what an event is, as it was given.
#[tokio::test]
async fn the_same_key_for_another_time_is_a_conflict() {
    let scene = Scene::start().await;
    let at = |seconds| Some(Timestamp { seconds, nanos: 0 });
    publish(&scene, PublishEventRequest { deliver_at: at(1), ..keyed("k") }).await.unwrap();
    for deliver_at in [None, at(2)] {
        let other = PublishEventRequest { deliver_at, ..keyed("k") };
        assert_eq!(publish(&scene, other).await.unwrap_err().code(), Code::AlreadyExists);
    }
}

#[tokio::test]
async fn more_than_30_days_ahead_is_refused_by_field_and_rule() {
    let scene = Scene::start().await;
    scene.endpoint(&["*"]).await;
    let at = |seconds| PublishEventRequest {
        deliver_at: Some(Timestamp { seconds, nanos: 0 }),
        ..event()
    };
    let far = ahead(&scene, 30 * DAY + 600).await.seconds;
    let rule = ("deliver_at".to_owned(), "must be at most 30 days ahead".to_owned());
    for seconds in [far, 253_402_300_799] {
        let status = publish(&scene, at(seconds)).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(violations(status.get_details_bad_request()), std::slice::from_ref(&rule));
    }

    let events = vec![at(far), at(far - 1200), at(-62_135_596_800)];
    let batch = scene.request(PublishEventsRequest { events });
    let results = scene.client().publish_events(batch).await.unwrap().into_inner().results;
    let results: Vec<_> = results.into_iter().map(|result| result.result.unwrap()).collect();
    assert!(
        matches!(&results[..], [Error(status), Response(_), Response(_)]
            if status.code == Code::InvalidArgument as i32),
        "{results:?}"
    );
    assert_eq!(scene.deliveries(None).await.len(), 3, "the refused ones made none");
}

#[tokio::test]
async fn a_time_of_delivery_and_an_ordering_key_exclude_each_other() {
    let scene = Scene::start().await;
    let both = PublishEventRequest {
        deliver_at: Some(Timestamp { seconds: 1, nanos: 0 }),
        ordering_key: Some("order-1".to_owned()),
        ..event()
    };
    let status = publish(&scene, both).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let named = violations(status.get_details_bad_request());
    let fields: Vec<_> = named.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(fields, ["ordering_key", "deliver_at"]);
    assert_eq!(named[1].1, "cannot be combined with ordering_key");
}

//! Stopping: what was read is answered, what was not read is told so, and watchers do not hold the
//! service up.

use super::harness::{Scene, event};
use futures::{StreamExt as _, stream};
use postrider_ingest::proto::StreamEventsRequest;
use std::time::Duration;
use tokio::time::timeout;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt as _;

const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_stream_ends_after_the_answers_to_what_was_read() {
    let scene = Scene::start().await;
    let sent = StreamEventsRequest { event: Some(event()) };
    let endless = stream::iter(vec![sent; 5]).chain(stream::pending());
    let request = scene.request(endless);
    let mut answers = scene.client().stream_events(request).await.unwrap().into_inner();
    for index in 0..5 {
        assert_eq!(answers.message().await.unwrap().unwrap().index, index);
    }
    scene.running.stop.cancel();
    let end = timeout(SOON, answers.message()).await.unwrap().unwrap_err();
    assert_eq!(end.code(), Code::Unavailable);
    let details = end.get_error_details();
    assert_eq!(details.error_info().unwrap().reason, "STOPPING");
    assert!(details.retry_info().is_some());
    timeout(SOON, scene.running.stop()).await.unwrap();
    assert_eq!(scene.events().await, 5);
}

#[tokio::test]
async fn a_watcher_of_the_health_does_not_hold_up_the_end() {
    let scene = Scene::start().await;
    let mut health = HealthClient::new(scene.running.channel.clone());
    let mut watched =
        health.watch(HealthCheckRequest { service: String::new() }).await.unwrap().into_inner();
    watched.message().await.unwrap().unwrap();
    scene.running.stop.cancel();
    timeout(SOON, scene.running.stop()).await.unwrap();
}

#[tokio::test]
async fn calls_in_flight_are_answered() {
    let scene = Scene::start().await;
    let calls = futures::stream::repeat_with(|| {
        let (mut client, request) = (scene.client(), scene.request(event()));
        async move { client.publish_event(request).await }
    });
    let mut calls = Box::pin(calls.take(2000).buffer_unordered(32));
    let (mut acknowledged, mut refused) = (0, 0);
    while let Some(answer) = calls.next().await {
        match answer {
            Ok(_) => acknowledged += 1,
            // The client says so of a call that it had not sent yet when the connection closed.
            Err(status) => {
                let unsent = matches!(status.code(), Code::Unavailable | Code::Cancelled);
                assert!(unsent, "{status:?}");
                refused += 1;
            }
        }
        if acknowledged == 200 {
            scene.running.stop.cancel();
        }
    }
    assert!(refused > 0, "it stopped in the middle");
    scene.running.stop().await;
    assert_eq!(scene.events().await, acknowledged);
}

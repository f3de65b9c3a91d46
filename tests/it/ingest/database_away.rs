//! Without the database nothing is accepted, and the caller is told to try again.

use super::harness::{ADMIN_KEY, Obedient, Running, event, no_store, with_key};
use futures::{StreamExt as _, stream};
use postrider_broker::SharedBroker;
use postrider_ingest::Engines;
use postrider_ingest::proto::publish_events_result::Result as Item;
use postrider_ingest::proto::{
    PublishEventRequest, PublishEventsRequest, StreamEventsRequest, stream_events_response,
};
use std::sync::Arc;
use std::time::Duration;
use tonic::{Code, Status};
use tonic_types::{RpcStatusExt as _, StatusExt as _};

async fn without_database() -> Running {
    let store = no_store().await;
    let broker: SharedBroker = Arc::new(Obedient::default());
    Running::on(Engines { store, broker }, 30).await
}

fn assert_try_again(status: &Status) {
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    let details = status.get_error_details();
    assert_eq!(details.error_info().unwrap().reason, "DATABASE_UNAVAILABLE");
    assert_eq!(details.retry_info().unwrap().retry_delay, Some(Duration::from_secs(1)));
    assert!(!status.message().contains("nobody"), "the cause is for the log");
}

fn of_acme() -> PublishEventRequest {
    PublishEventRequest { tenant_id: "acme".to_owned(), ..event() }
}

#[tokio::test]
async fn a_call_is_unavailable_whether_its_key_or_its_event_needs_the_database() {
    let running = without_database().await;
    let key = "prk_abcdefghijkl_0123456789012345678901234567890123456789012";
    for request in [with_key(event(), key), with_key(of_acme(), ADMIN_KEY)] {
        assert_try_again(&running.client().publish_event(request).await.unwrap_err());
    }
}

#[tokio::test]
async fn each_event_of_a_batch_or_stream_is_unavailable() {
    let running = without_database().await;
    let batch = with_key(PublishEventsRequest { events: vec![of_acme(); 3] }, ADMIN_KEY);
    let results = running.client().publish_events(batch).await.unwrap().into_inner().results;
    assert_eq!(results.len(), 3);
    for result in results {
        let Some(Item::Error(status)) = result.result else { panic!("{result:?}") };
        assert_eq!(status.code, i32::from(Code::Unavailable));
        assert!(status.get_details_retry_info().is_some());
    }
    let sent = vec![StreamEventsRequest { event: Some(of_acme()) }; 3];
    let request = with_key(stream::iter(sent), ADMIN_KEY);
    let answers = running.client().stream_events(request).await.unwrap().into_inner();
    let answers: Vec<_> = answers.map(Result::unwrap).collect().await;
    let unavailable = |result: &Option<stream_events_response::Result>| match result {
        Some(stream_events_response::Result::Error(status)) => {
            status.code == i32::from(Code::Unavailable)
        }
        _ => false,
    };
    assert_eq!(answers.iter().filter(|answer| unavailable(&answer.result)).count(), 3);
}

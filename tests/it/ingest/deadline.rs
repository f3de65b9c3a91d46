//! The caller's deadline: an event is accepted before it, or not at all, or nobody knows and the
//! key tells.

use super::harness::{Obedient, Running, Scene, event, keyed, store_at, with_key};
use futures::{StreamExt as _, future::join_all, stream};
use postrider_broker::SharedBroker;
use postrider_ingest::Engines;
use postrider_ingest::proto::StreamEventsRequest;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tonic::{Code, Request};
use tonic_types::StatusExt as _;

#[tokio::test]
async fn what_became_of_a_call_that_was_cut_off_is_told_by_its_key() {
    let scene = Scene::start().await;
    let hasty = |n: usize| {
        let mut request = scene.request(keyed(&format!("key-{n}")));
        request.set_timeout(Duration::from_millis(1));
        let mut client = scene.client();
        async move { client.publish_event(request).await }
    };
    let first = join_all((0..200).map(hasty)).await;
    let stored = scene.events().await;
    let acknowledged = first.iter().filter(|answer| answer.is_ok()).count();
    assert!(acknowledged <= stored, "{acknowledged} acknowledged, {stored} stored");
    for (n, first) in first.into_iter().enumerate() {
        let again = scene.client().publish_event(scene.request(keyed(&format!("key-{n}")))).await;
        let again = again.unwrap().into_inner();
        if let Ok(first) = first {
            assert!(again.duplicate);
            assert_eq!(first.into_inner().event_id, again.event_id);
        }
    }
    assert_eq!(scene.events().await, 200);
}

#[tokio::test]
async fn a_silent_database_costs_a_call_its_deadline_and_no_more() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let store = store_at(silent.local_addr().unwrap());
    let broker: SharedBroker = Arc::new(Obedient::default());
    let running = Running::on(Engines { store, broker }, 1).await;
    let key = "prk_abcdefghijkl_0123456789012345678901234567890123456789012";

    let mut client = running.client();
    let call = client.publish_event(with_key(event(), key));
    let status = tokio::time::timeout(Duration::from_secs(20), call).await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
    let info = status.get_details_error_info().unwrap();
    assert_eq!(info.reason, "DEADLINE_EXCEEDED");
}

#[tokio::test]
async fn a_stream_ends_at_the_callers_deadline() {
    let scene = Scene::start().await;
    let sent = StreamEventsRequest { event: Some(event()) };
    let endless = stream::iter([sent]).chain(stream::pending());
    let mut request: Request<_> = scene.request(endless);
    request.set_timeout(Duration::from_secs(3));
    let mut answers = scene.client().stream_events(request).await.unwrap().into_inner();
    assert_eq!(answers.message().await.unwrap().unwrap().index, 0);
    let end = tokio::time::timeout(Duration::from_secs(20), answers.message()).await.unwrap();
    assert_eq!(end.unwrap_err().code(), Code::DeadlineExceeded);
}

//! `StreamEvents`: order, errors in place, and what is left when the stream ends early.

use super::harness::{ADMIN_KEY, Obedient, Running, Scene, event, keyed, store_at, with_key};
use futures::{StreamExt as _, stream};
use postrider_broker::SharedBroker;
use postrider_ingest::Engines;
use postrider_ingest::proto::stream_events_response::Result as Item;
use postrider_ingest::proto::{PublishEventRequest, StreamEventsRequest, StreamEventsResponse};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::TcpListener;
use tonic::{Code, Streaming};

fn sent(event: PublishEventRequest) -> StreamEventsRequest {
    StreamEventsRequest { event: Some(event) }
}

async fn answers(
    scene: &Scene,
    events: Vec<StreamEventsRequest>,
) -> Streaming<StreamEventsResponse> {
    let request = scene.request(stream::iter(events));
    scene.client().stream_events(request).await.unwrap().into_inner()
}

#[tokio::test]
async fn three_thousand_events_are_answered_in_their_order() {
    let scene = Scene::start().await;
    let named = |n: u32| PublishEventRequest { event_id: Some(format!("e-{n}")), ..event() };
    let mut answers = answers(&scene, (0..3000).map(named).map(sent).collect()).await;
    for n in 0..3000u32 {
        let answer = answers.message().await.unwrap().unwrap();
        assert_eq!(answer.index, u64::from(n));
        let Some(Item::Response(response)) = answer.result else { panic!("{answer:?}") };
        assert_eq!(response.event_id, format!("e-{n}"));
    }
    assert!(answers.message().await.unwrap().is_none());
    assert_eq!(scene.events().await, 3000);
}

#[tokio::test]
async fn a_bad_event_is_answered_in_its_place_and_the_stream_goes_on() {
    let scene = Scene::start().await;
    let bad = PublishEventRequest { event_type: String::new(), ..event() };
    let conflicting = PublishEventRequest { payload: "{}".into(), ..keyed("key") };
    let events = vec![
        sent(keyed("key")),
        sent(bad),
        StreamEventsRequest { event: None },
        sent(conflicting),
        sent(event()),
    ];
    let answers: Vec<_> = answers(&scene, events).await.map(Result::unwrap).collect().await;
    let codes: Vec<_> = answers
        .into_iter()
        .map(|answer| match answer.result.unwrap() {
            Item::Response(_) => Code::Ok,
            Item::Error(status) => Code::from_i32(status.code),
        })
        .collect();
    let (ok, invalid) = (Code::Ok, Code::InvalidArgument);
    assert_eq!(codes, [ok, invalid, invalid, Code::AlreadyExists, ok]);
}

#[tokio::test]
async fn a_message_that_is_too_large_ends_the_stream_after_what_came_before_it() {
    let scene = Scene::start().await;
    let huge = PublishEventRequest { payload: vec![b'x'; 6_000_000].into(), ..event() };
    let mut answers = answers(&scene, vec![sent(event()), sent(huge), sent(event())]).await;
    assert_eq!(answers.message().await.unwrap().unwrap().index, 0);
    assert_eq!(answers.message().await.unwrap_err().code(), Code::OutOfRange);
    assert_eq!(scene.events().await, 1);
}

#[tokio::test]
async fn without_a_key_there_is_no_stream() {
    let scene = Scene::start().await;
    let refused = scene.client().stream_events(stream::iter([sent(event())])).await;
    assert_eq!(refused.unwrap_err().code(), Code::Unauthenticated);
}

#[tokio::test]
async fn what_has_no_answer_keeps_more_from_being_read() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let store = store_at(silent.local_addr().unwrap());
    let broker: SharedBroker = Arc::new(Obedient::default());
    let running = Running::on(Engines { store, broker }, 30).await;
    let taken = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&taken);
    // Large enough that few fit into the buffers between caller and service.
    let payload = format!(r#"{{"a":"{}"}}"#, "x".repeat(20_000));
    let large =
        PublishEventRequest { tenant_id: "acme".to_owned(), payload: payload.into(), ..event() };
    let events = stream::iter(0..3000).map(move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
        sent(large.clone())
    });
    let mut client = running.client();
    let mut answers = client.stream_events(with_key(events, ADMIN_KEY)).await.unwrap().into_inner();
    // The first answer comes once the database has been given up.
    assert_eq!(answers.message().await.unwrap().unwrap().index, 0);
    let taken = taken.load(Ordering::SeqCst);
    assert!((1024..2000).contains(&taken), "{taken} were taken from the caller");
}

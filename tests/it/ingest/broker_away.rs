//! Accepting without a broker, and with one that takes little.

use super::harness::{Running, Scene, acme, event, nowhere, with_key};
use postrider_broker::BrokerConfig;
use postrider_common::delivery::DeliveryState;
use postrider_ingest::Engines;
use postrider_ingest::ROOM_PER_TENANT;
use postrider_ingest::proto::PublishEventsRequest;
use secrecy::SecretString;
use std::sync::Arc;

#[tokio::test]
async fn without_a_broker_events_are_accepted_and_wait_in_the_store() {
    let scene = Scene::start().await;
    scene.endpoint(&["*"]).await;
    let url = format!("amqp://{}/%2f", nowhere().await);
    let config =
        BrokerConfig { amqp_url: SecretString::from(url), broker_prefix: "test.".parse().unwrap() };
    let broker = postrider_broker::connect(&config).unwrap();
    let store = Arc::clone(&scene.store);
    let running = Running::on(Engines { store, broker: broker.clone() }, 30).await;
    for _ in 0..20 {
        let answer = running.client().publish_event(with_key(event(), &scene.key)).await.unwrap();
        assert_eq!(answer.into_inner().deliveries, 1);
    }
    running.stop().await;
    broker.close().await;
    assert_eq!(scene.deliveries(Some(DeliveryState::Scheduled)).await.len(), 20);
}

#[tokio::test]
async fn what_the_broker_refuses_is_scheduled() {
    let scene = Scene::start().await;
    scene.endpoint(&["*"]).await;
    scene.broker.refuse();
    for _ in 0..20 {
        scene.client().publish_event(scene.request(event())).await.unwrap();
    }
    scene.running.stop().await;
    assert_eq!(scene.deliveries(Some(DeliveryState::Scheduled)).await.len(), 20);
}

#[tokio::test]
async fn a_tenant_whose_work_nobody_claims_fills_no_more_than_its_room() {
    let scene = Scene::start().await;
    scene.endpoint(&["*"]).await;
    scene.endpoint(&["*"]).await;
    for _ in 0..8 {
        let events = vec![event(); 200];
        let batch = scene.request(PublishEventsRequest { events });
        scene.client().publish_events(batch).await.unwrap();
    }
    scene.running.stop().await;
    let queued = scene.store.deliveries_queued(&acme(), 10_000).await.unwrap();
    assert!((1..=ROOM_PER_TENANT).contains(&queued), "{queued}");
    assert_eq!(scene.broker.confirmed().len(), usize::try_from(queued).unwrap());
    let scheduled = scene.deliveries(Some(DeliveryState::Scheduled)).await.len();
    assert_eq!(scheduled, 3200 - usize::try_from(queued).unwrap());
}

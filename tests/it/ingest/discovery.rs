//! What tools find out about the service: health and reflection.

use super::harness::{Obedient, Running, Scene, contracts, no_store};
use futures::{StreamExt as _, stream};
use postrider_broker::SharedBroker;
use postrider_common::metrics::Metrics;
use postrider_ingest::{Engines, GrpcConfig, Service};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

const SERVICE: &str = "postrider.v1.Ingest";

#[tokio::test]
async fn it_serves_once_the_database_answers() {
    let scene = Scene::start().await;
    for name in ["", SERVICE] {
        let mut health = HealthClient::new(scene.running.channel.clone());
        let request = HealthCheckRequest { service: name.to_owned() };
        let watched = health.watch(request).await.unwrap().into_inner();
        let mut serving = watched
            .filter(|answer| {
                let status = answer.as_ref().unwrap().status();
                std::future::ready(status == ServingStatus::Serving)
            })
            .boxed();
        timeout(Duration::from_secs(10), serving.next()).await.unwrap().unwrap().unwrap();
    }
}

#[tokio::test]
async fn without_the_database_it_is_neither_serving_nor_ready() {
    let store = no_store().await;
    let broker: SharedBroker = Arc::new(Obedient::default());
    let engines = Engines { store, broker };
    let grpc = GrpcConfig { grpc_addr: None, grpc_timeout: 30, grpc_max_calls: 10 };
    let (contracts, grace) = (contracts(&engines), Duration::from_secs(1));
    let service = Service::with(engines.clone(), contracts, None, grpc, grace, &Metrics::new());
    let problems = service.readiness(CancellationToken::new()).problems().await;
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].starts_with("database: "), "{problems:?}");

    let running = Running::on(engines, 30).await;
    let mut health = HealthClient::new(running.channel.clone());
    let status = health.check(HealthCheckRequest { service: SERVICE.to_owned() }).await.unwrap();
    assert_eq!(status.into_inner().status(), ServingStatus::NotServing);
    let unknown = health.check(HealthCheckRequest { service: "other".to_owned() }).await;
    assert_eq!(unknown.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn reflection_lists_the_service_and_knows_its_messages() {
    let scene = Scene::start().await;
    let mut reflection = ServerReflectionClient::new(scene.running.channel.clone());
    let mut ask = async |message_request| {
        let request =
            ServerReflectionRequest { host: String::new(), message_request: Some(message_request) };
        let answers = reflection.server_reflection_info(stream::iter([request])).await.unwrap();
        answers.into_inner().message().await.unwrap().unwrap().message_response.unwrap()
    };
    let MessageResponse::ListServicesResponse(listed) =
        ask(MessageRequest::ListServices(String::new())).await
    else {
        panic!("no list of services")
    };
    let names: Vec<_> = listed.service.into_iter().map(|service| service.name).collect();
    assert!(names.iter().any(|name| name == SERVICE), "{names:?}");
    for symbol in ["postrider.v1.PublishEventRequest", "google.rpc.Status"] {
        let found = ask(MessageRequest::FileContainingSymbol(symbol.to_owned())).await;
        let known = matches!(found, MessageResponse::FileDescriptorResponse(_));
        assert!(known, "{symbol}: {found:?}");
    }
}

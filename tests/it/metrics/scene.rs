//! The three services in this process, on the pair of engines that the run is on, with one registry.

use super::exposition::Exposition;
use postrider_api::{Api, CustomerConfig};
use postrider_broker::SharedBroker;
use postrider_broker::conformance::eventually;
use postrider_common::config::AdminKey;
use postrider_common::contracts::ContractsConfig;
use postrider_common::keeping::Days;
use postrider_common::metrics::Metrics;
use postrider_common::seal::Keyring;
use postrider_dispatcher::{Dispatcher, Limits};
use postrider_egress::{EgressConfig, Guard, SourceList, SystemLookup};
use postrider_ingest::proto::PublishEventRequest;
use postrider_ingest::proto::ingest_client::IngestClient;
use postrider_ingest::{Engines, GrpcConfig, Service};
use postrider_store::{ContractBook, SharedStore};
use postrider_testkit::{Receiver, Rest, TestQueues, TestStore};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::Request;
use tonic::transport::{Channel, Endpoint};

pub(super) const ADMIN_KEY: &str = "an-admin-key-of-thirty-two-chars";
/// 32 bytes in base64.
pub(super) const MASTER_KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
pub(super) const TENANT: &str = "acme";
const GRACE: Duration = Duration::from_secs(20);

/// Three services, a tenant, and its key.
pub(super) struct Scene {
    pub(super) metrics: Metrics,
    pub(super) http: SocketAddr,
    pub(super) rest: Rest,
    pub(super) key: String,
    /// The URL for calls.
    pub(super) grpc: String,
    channel: Channel,
    brokers: [SharedBroker; 2],
    stop: CancellationToken,
    services: JoinSet<()>,
    // Dropped last.
    _queues: TestQueues,
    _store: TestStore,
}

impl Scene {
    pub(super) async fn start() -> Self {
        let (database, queues) = (TestStore::create().await, TestQueues::create());
        let brokers = [queues.connect(), queues.connect()];
        for broker in &brokers {
            eventually(async || broker.ping().await).await;
        }
        let (store, metrics) = (database.store(), Metrics::new());
        let (stop, mut services) = (CancellationToken::new(), JoinSet::new());
        let [grpc, http] = [listener().await, listener().await];
        let [grpc_at, http_at] = [&grpc, &http].map(|one| one.local_addr().unwrap());

        let engines = Engines { store: store.clone(), broker: brokers[0].clone() };
        let own = ContractsConfig::default();
        let contracts = ContractBook::new(store.clone(), &own, &Metrics::new());
        let ingest = Service::with(engines, contracts, Some(admin_key()), calls(), GRACE, &metrics);
        let stopping = stop.clone();
        services.spawn(async move { ingest.run(grpc, stopping).await.unwrap() });
        let dispatcher = dispatcher(store.clone(), brokers[1].clone(), &metrics);
        services.spawn(dispatcher.work(stop.clone()));
        services.spawn(api(store, &metrics).run(http, stop.clone()));

        let admin = Rest::new(&format!("http://{http_at}"), ADMIN_KEY);
        admin.tenant_create(TENANT).await.unwrap();
        let key = admin.key_create(TENANT).await.unwrap();
        Self {
            metrics,
            rest: admin.with_key(&key),
            http: http_at,
            key,
            grpc: format!("http://{grpc_at}"),
            channel: Endpoint::from_shared(format!("http://{grpc_at}")).unwrap().connect_lazy(),
            brokers,
            stop,
            services,
            _queues: queues,
            _store: database,
        }
    }

    /// What a scrape shows now.
    pub(super) async fn scrape(&self) -> Exposition {
        Exposition::parse(&scrape(self.http).await)
    }

    /// Scrapes until it shows what it should.
    pub(super) async fn scrape_until(&self, is_so: impl Fn(&Exposition) -> bool) -> Exposition {
        eventually(async || {
            let shown = self.scrape().await;
            if is_so(&shown) { Ok(shown) } else { Err(shown.what_happened()) }
        })
        .await
    }

    pub(super) fn client(&self) -> IngestClient<Channel> {
        IngestClient::new(self.channel.clone())
    }

    pub(super) fn request<T>(&self, message: T) -> Request<T> {
        with_key(message, &self.key)
    }

    /// Publishes an event that must be accepted.
    pub(super) async fn publish(&self, event: PublishEventRequest) {
        self.client().publish_event(self.request(event)).await.unwrap();
    }

    /// An endpoint at a receiver that wants one event type, with a schedule in seconds.
    pub(super) async fn hook(&self, receiver: &Receiver, event_type: &str, schedule: &[u32]) {
        let hook = json!({
            "url": receiver.url(),
            "secret": receiver.secret(),
            "events": [event_type],
            "retry_schedule": schedule,
        });
        self.rest.webhook_create(&hook).await.unwrap();
    }

    /// The tenant's deliveries, once all of them are finished.
    pub(super) async fn finished(&self, count: usize) -> Vec<Value> {
        eventually(async || {
            let deliveries = self.rest.deliveries("limit=100").await.unwrap();
            let is_finished = |one: &Value| one["status"] == "delivered" || one["status"] == "dead";
            let done = deliveries.len() == count && deliveries.iter().all(is_finished);
            if done { Ok(deliveries) } else { Err(deliveries) }
        })
        .await
    }

    /// Stops everything and gives what it had counted by then.
    pub(super) async fn stop(mut self) -> Exposition {
        self.stop.cancel();
        while let Some(ended) = self.services.join_next().await {
            ended.unwrap();
        }
        for broker in &self.brokers {
            broker.close().await;
        }
        Exposition::parse(&self.metrics.encode().unwrap())
    }
}

pub(super) async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

/// The text that is at an address's `/metrics`.
pub(super) async fn scrape(at: SocketAddr) -> String {
    let (status, head, text) = ask(at, "GET", "/metrics").await;
    assert_eq!(status, 200, "{text}");
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert!(head.contains(&format!("content-type: {content_type}\r\n")), "{head}");
    text
}

/// The status, the head and the body that a request without a body is answered with.
pub(super) async fn ask(at: SocketAddr, method: &str, path: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(at).await.unwrap();
    let request = format!("{method} {path} HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, format!("{head}\r\n"), body.to_owned())
}

pub(super) fn with_key<T>(message: T, key: &str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {key}").parse().unwrap());
    request
}

/// An event of this type under a key of its own.
pub(super) fn event(event_type: &str, key: &str) -> PublishEventRequest {
    PublishEventRequest {
        event_type: event_type.to_owned(),
        payload: bytes::Bytes::from_static(b"{}"),
        idempotency_key: Some(key.to_owned()),
        ..PublishEventRequest::default()
    }
}

pub(super) fn dispatcher(
    store: SharedStore,
    broker: SharedBroker,
    metrics: &Metrics,
) -> Dispatcher {
    let settings = postrider_dispatcher::Settings {
        egress: egress(),
        keyring: keyring(),
        limits: Limits { max_in_flight: 77, endpoint_in_flight: 8 },
        retention: Days::USUAL,
        grace: GRACE,
    };
    let contracts = ContractBook::new(store.clone(), &ContractsConfig::default(), metrics);
    Dispatcher::with(settings, store, broker, contracts, metrics).unwrap()
}

pub(super) fn api(store: SharedStore, metrics: &Metrics) -> Api {
    let settings = postrider_api::Settings {
        admin_key: admin_key(),
        keyring: keyring(),
        customers: CustomerConfig { max_endpoints: 100, egress_ips: SourceList::default() },
        grace: GRACE,
    };
    let guard = Guard::new(&egress(), Arc::new(SystemLookup::new()));
    let contracts = ContractBook::new(store.clone(), &ContractsConfig::default(), metrics);
    Api::with(settings, store, guard, contracts, metrics)
}

fn calls() -> GrpcConfig {
    GrpcConfig { grpc_addr: None, grpc_timeout: 30, grpc_max_calls: 100 }
}

fn egress() -> EgressConfig {
    EgressConfig { allow: "127.0.0.0/8".parse().unwrap(), ..EgressConfig::default() }
}

fn admin_key() -> AdminKey {
    ADMIN_KEY.parse().unwrap()
}

fn keyring() -> Keyring {
    MASTER_KEY.parse().unwrap()
}

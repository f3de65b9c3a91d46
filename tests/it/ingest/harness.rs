//! A running ingest, with one tenant and its key; and a broker that does as it is told.

use async_trait::async_trait;
use bytes::Bytes;
use postrider_broker::{
    Broker, BrokerError, Consumer, Published, Queue, SharedBroker, WorkItem, WorkMessage,
};
use postrider_common::api_key::{GeneratedKey, Scope};
use postrider_common::config::AdminKey;
use postrider_common::contracts::ContractsConfig;
use postrider_common::delivery::{Delivery, DeliveryState};
use postrider_common::endpoint::EventFilter;
use postrider_common::id::EndpointId;
use postrider_common::keeping::Keeping;
use postrider_common::metrics::Metrics;
use postrider_common::ordering::EndpointOrdering;
use postrider_common::seal::Sealed;
use postrider_common::tenant::{NewTenant, TenantId, TenantScope};
use postrider_contract::{BackoffOverrides, DEFAULT_CONTRACT};
use postrider_ingest::proto::PublishEventRequest;
use postrider_ingest::proto::ingest_client::IngestClient;
use postrider_ingest::{Engines, GrpcConfig, ServeError, Service};
use postrider_store::{
    ApiKeyCreated, ContractBook, DeliveryFilter, EndpointCreated, NewApiKey, NewEndpoint,
    OperatorConfig, PageRequest, SharedStore, StoreConfig, TenantCreated,
};
use postrider_testkit::TestStore;
use secrecy::ExposeSecret as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::Request;
use tonic::transport::{Channel, Endpoint};

pub(super) const ADMIN_KEY: &str = "an-admin-key-of-thirty-two-chars";
const ACME: &str = "acme";

/// What an ingest of its own knows of contracts.
pub(super) fn contracts(engines: &Engines) -> ContractBook {
    ContractBook::new(engines.store.clone(), &ContractsConfig::default(), &Metrics::new())
}

/// A running ingest.
pub(super) struct Running {
    pub(super) channel: Channel,
    pub(super) stop: CancellationToken,
    service: tokio::sync::Mutex<JoinHandle<Result<(), ServeError>>>,
}

impl Running {
    /// Starts ingest on engines, with calls that may take so many seconds.
    pub(super) async fn on(engines: Engines, grpc_timeout: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let grpc = GrpcConfig { grpc_addr: None, grpc_timeout, grpc_max_calls: 1024 };
        let admin: AdminKey = ADMIN_KEY.parse().unwrap();
        let grace = Duration::from_secs(20);
        let contracts = contracts(&engines);
        let service = Service::with(engines, contracts, Some(admin), grpc, grace, &Metrics::new());
        let stop = CancellationToken::new();
        let running = tokio::spawn(service.run(listener, stop.clone()));
        Self { channel: channel(address), stop, service: running.into() }
    }

    pub(super) fn client(&self) -> IngestClient<Channel> {
        IngestClient::new(self.channel.clone())
            .max_decoding_message_size(usize::MAX)
            .max_encoding_message_size(usize::MAX)
    }

    /// Stops ingest and waits until it has drained: everything is published or given back.
    pub(super) async fn stop(&self) {
        self.stop.cancel();
        let mut running = self.service.lock().await;
        (&mut *running).await.unwrap().unwrap();
    }
}

fn channel(address: SocketAddr) -> Channel {
    Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy()
}

/// A running ingest on a database of its own, with the tenant `acme`.
pub(super) struct Scene {
    pub(super) running: Running,
    pub(super) store: SharedStore,
    pub(super) broker: Arc<Obedient>,
    pub(super) key: String,
    // Dropped last.
    _database: TestStore,
}

impl Scene {
    pub(super) async fn start() -> Self {
        let database = TestStore::create().await;
        let store = database.store();
        let broker = Arc::new(Obedient::default());
        let shared: SharedBroker = Arc::clone(&broker) as SharedBroker;
        let engines = Engines { store: Arc::clone(&store), broker: shared };
        let new = NewTenant {
            id: acme(),
            name: ACME.to_owned(),
            contract: DEFAULT_CONTRACT.to_owned(),
            keeping: Keeping::default(),
        };
        assert!(matches!(store.tenant_create(new).await.unwrap(), TenantCreated::Created(_)));
        let key = new_key(&store, vec![Scope::All]).await.1;
        Self { running: Running::on(engines, 30).await, store, broker, key, _database: database }
    }

    pub(super) fn client(&self) -> IngestClient<Channel> {
        self.running.client()
    }

    /// A request with the tenant's key.
    pub(super) fn request<T>(&self, message: T) -> Request<T> {
        with_key(message, &self.key)
    }

    /// Makes an endpoint that wants these event types.
    pub(super) async fn endpoint(&self, events: &[&str]) {
        self.endpoint_with(events, EndpointOrdering::default()).await;
    }

    /// The same, with this order.
    pub(super) async fn endpoint_with(&self, events: &[&str], ordering: EndpointOrdering) {
        let id = EndpointId::generate();
        let new = NewEndpoint {
            id,
            public_id: format!("webhook_{id}"),
            contract: None,
            url: "http://127.0.0.1:9/hook".to_owned(),
            description: String::new(),
            events: EventFilter::parse(events.iter().map(|&name| name.to_owned()).collect())
                .unwrap(),
            secret: Sealed::from_bytes(vec![1; 64]),
            second_secret: None,
            active: true,
            auto_enable: false,
            ordering,
            retry_schedule: None,
            backoff: BackoffOverrides::default(),
            timeout: None,
            rate_limit: None,
            created_at: None,
        };
        let created = self.store.endpoint_create(&scope(), new, 1000).await.unwrap();
        assert!(matches!(created, EndpointCreated::Created(_)), "{created:?}");
    }

    pub(super) async fn deliveries(&self, state: Option<DeliveryState>) -> Vec<Delivery> {
        let filter = DeliveryFilter { state, ..DeliveryFilter::default() };
        let page = PageRequest { limit: 10_000, after: None };
        self.store.delivery_list(&scope(), &filter, page).await.unwrap().rows
    }

    pub(super) async fn events(&self) -> usize {
        let page = PageRequest { limit: 10_000, after: None };
        let filter = postrider_store::EventFilterBy::default();
        self.store.event_list(&scope(), &filter, page).await.unwrap().rows.len()
    }
}

pub(super) fn acme() -> TenantId {
    TenantId::parse(ACME).unwrap()
}

pub(super) fn scope() -> TenantScope {
    TenantScope::authorised(acme())
}

/// An API key for `acme`, and its id.
pub(super) async fn new_key(
    store: &SharedStore,
    scopes: Vec<Scope>,
) -> (postrider_common::id::ApiKeyId, String) {
    let GeneratedKey { key, prefix, hash } = GeneratedKey::generate();
    let new = NewApiKey { name: "test".to_owned(), scopes, prefix, hash };
    match store.api_key_create(&scope(), new).await.unwrap() {
        ApiKeyCreated::Created(stored) => (stored.id, key.expose_secret().to_owned()),
        ApiKeyCreated::UnknownTenant => panic!("the tenant exists"),
    }
}

pub(super) fn with_key<T>(message: T, key: &str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {key}").parse().unwrap());
    request
}

/// A valid event of the type `order.paid`.
pub(super) fn event() -> PublishEventRequest {
    PublishEventRequest {
        event_type: "order.paid".to_owned(),
        payload: Bytes::from_static(br#"{"order": 1.50}"#),
        ..PublishEventRequest::default()
    }
}

/// A valid event under an idempotency key.
pub(super) fn keyed(key: &str) -> PublishEventRequest {
    PublishEventRequest { idempotency_key: Some(key.to_owned()), ..event() }
}

/// A URL on loopback where nobody listens.
pub(super) async fn nowhere() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// A store on a database that is not there.
pub(super) async fn no_store() -> SharedStore {
    store_at(nowhere().await)
}

/// A store on whatever listens there.
pub(super) fn store_at(address: SocketAddr) -> SharedStore {
    let database_url = format!("postgres://nobody@{address}/nothing").parse().unwrap();
    let config =
        StoreConfig { database_url, database_connections: 2, operator: OperatorConfig::default() };
    postrider_store::connect(&config).unwrap()
}

/// A broker that answers as it is told and remembers what it confirmed.
#[derive(Debug, Default)]
pub(super) struct Obedient {
    refuses: std::sync::atomic::AtomicBool,
    confirmed: Mutex<Vec<WorkItem>>,
}

impl Obedient {
    pub(super) fn refuse(&self) {
        self.refuses.store(true, std::sync::atomic::Ordering::SeqCst);
    }

    pub(super) fn confirmed(&self) -> Vec<WorkItem> {
        self.confirmed.lock().unwrap().clone()
    }
}

#[async_trait]
impl Broker for Obedient {
    fn system(&self) -> &'static str {
        "obedient"
    }

    async fn publish(&self, queue: Queue, message: &WorkMessage) -> Result<Published, BrokerError> {
        assert_eq!(queue, Queue::First);
        if self.refuses.load(std::sync::atomic::Ordering::SeqCst) {
            return Ok(Published::Refused);
        }
        self.confirmed.lock().unwrap().extend_from_slice(message.items());
        Ok(Published::Confirmed)
    }

    async fn consume(&self, _: Queue, _: u16) -> Box<dyn Consumer> {
        panic!("ingest consumes nothing")
    }

    async fn ready(&self, _: Queue) -> Result<u64, BrokerError> {
        panic!("ingest counts nothing")
    }

    async fn parked(&self) -> Result<u64, BrokerError> {
        panic!("ingest parks nothing")
    }

    async fn ping(&self) -> Result<(), BrokerError> {
        Ok(())
    }

    async fn close(&self) {}
}

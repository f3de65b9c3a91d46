//! Ingest for `postrider send`: the service itself, which can be stopped and started again at the same
//! address, and a proxy that cuts its answers off.

use super::program::User;
use postrider_broker::InProcessBroker;
use postrider_common::api_key::{GeneratedKey, Scope};
use postrider_common::contracts::ContractsConfig;
use postrider_common::keeping::Keeping;
use postrider_common::metrics::Metrics;
use postrider_common::tenant::{NewTenant, TenantId, TenantScope};
use postrider_contract::DEFAULT_CONTRACT;
use postrider_ingest::{Engines, GrpcConfig, ServeError, Service};
use postrider_store::{
    ApiKeyCreated, ContractBook, EventFilterBy, NewApiKey, PageRequest, TenantCreated,
};
use postrider_testkit::TestStore;
use secrecy::ExposeSecret as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long something that must happen may take.
const SOON: Duration = Duration::from_secs(30);

/// Ingest on a database of its own, with the tenant `acme`.
pub(super) struct IngestProcess {
    store: TestStore,
    pub(super) address: SocketAddr,
    pub(super) key: String,
    running: Option<(CancellationToken, JoinHandle<Result<(), ServeError>>)>,
}

impl IngestProcess {
    pub(super) async fn start() -> Self {
        let store = TestStore::create().await;
        let new = NewTenant {
            id: TenantId::parse("acme").unwrap(),
            name: "Acme".to_owned(),
            contract: DEFAULT_CONTRACT.to_owned(),
            keeping: Keeping::default(),
        };
        let created = store.store().tenant_create(new).await.unwrap();
        assert!(matches!(created, TenantCreated::Created(_)));
        let GeneratedKey { key, prefix, hash } = GeneratedKey::generate();
        let new = NewApiKey { name: "test".to_owned(), scopes: vec![Scope::All], prefix, hash };
        let created = store.store().api_key_create(&acme(), new).await.unwrap();
        assert!(matches!(created, ApiKeyCreated::Created(_)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let key = key.expose_secret().to_owned();
        let mut server = Self { store, address, key, running: None };
        server.run(listener);
        server
    }

    /// Lets calls end, and listens no more.
    pub(super) async fn stop(&mut self) {
        let (stop, running) = self.running.take().expect("it runs");
        stop.cancel();
        running.await.unwrap().unwrap();
    }

    /// Listens again, where it listened before.
    pub(super) async fn start_again(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.run(listener);
    }

    fn run(&mut self, listener: TcpListener) {
        let broker = Arc::new(InProcessBroker::new());
        let engines = Engines { store: self.store.store(), broker };
        let grpc = GrpcConfig { grpc_addr: None, grpc_timeout: 30, grpc_max_calls: 1024 };
        let own = ContractsConfig::default();
        let contracts = ContractBook::new(self.store.store(), &own, &Metrics::new());
        let grace = Duration::from_secs(20);
        let service = Service::with(engines, contracts, None, grpc, grace, &Metrics::new());
        let stop = CancellationToken::new();
        self.running = Some((stop.clone(), tokio::spawn(service.run(listener, stop))));
    }

    /// A user of this server, with the tenant's key.
    pub(super) fn user(&self) -> User {
        user_at(self.address, &self.key)
    }

    /// How many events there are.
    pub(super) async fn events(&self) -> usize {
        let page = PageRequest { limit: 10_000, after: None };
        let events = self.store.store().event_list(&acme(), &EventFilterBy::default(), page).await;
        events.unwrap().rows.len()
    }

    /// Waits until there are so many events.
    pub(super) async fn wait_for_events(&self, number: usize) {
        let mut ticks = tokio::time::interval(Duration::from_millis(10));
        let there = async {
            while self.events().await < number {
                ticks.tick().await;
            }
        };
        tokio::time::timeout(SOON, there).await.expect("the events come");
    }
}

/// A user of the ingest that is there.
pub(super) fn user_at(address: SocketAddr, key: &str) -> User {
    let mut user = User::new();
    user.set("POSTRIDER_GRPC_URL", &format!("http://{address}"));
    user.has_key(key);
    user
}

fn acme() -> TenantScope {
    TenantScope::authorised(TenantId::parse("acme").unwrap())
}

/// Listens in front of a server. Of what the server says, the first connection passes on so many
/// bytes, and is then cut; later ones are passed on if `heals`, and closed at once if not.
pub(super) async fn cutting_proxy(server: SocketAddr, after_bytes: u64, heals: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (first, _) = listener.accept().await.unwrap();
        pass_on_some(first, TcpStream::connect(server).await.unwrap(), after_bytes).await;
        while let Ok((mut client, _)) = listener.accept().await {
            if heals {
                let mut server = TcpStream::connect(server).await.unwrap();
                tokio::spawn(async move { copy_bidirectional(&mut client, &mut server).await });
            }
        }
    });
    address
}

async fn pass_on_some(client: TcpStream, server: TcpStream, after_bytes: u64) {
    let (mut said, mut to_client) = client.into_split();
    let (from_server, mut to_server) = server.into_split();
    let forwarding = tokio::spawn(async move {
        let _ = copy(&mut said, &mut to_server).await;
    });
    copy(&mut from_server.take(after_bytes), &mut to_client).await.unwrap();
    to_client.shutdown().await.unwrap();
    forwarding.abort();
}

//! A dispatcher in this process: started, asked for its health, and stopped.

use super::harness::{PATIENCE, until};
use postrider_common::contracts::ContractsConfig;
use postrider_common::keeping::Days;
use postrider_common::metrics::Metrics;
use postrider_common::seal::Keyring;
use postrider_dispatcher::{Dispatcher, Limits, Settings};
use postrider_egress::EgressConfig;
use postrider_store::{ContractBook, SharedStore};
use postrider_testkit::TestQueues;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How a dispatcher is started.
#[derive(Clone, Copy, Debug)]
pub(super) struct Options {
    pub(super) limits: Limits,
    /// In seconds.
    pub(super) grace: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { limits: Limits::default(), grace: 20 }
    }
}

impl Options {
    /// A dispatcher that waits for nobody when it is stopped.
    pub(super) fn without_grace() -> Self {
        Self { grace: 0, ..Self::default() }
    }

    /// So many deliveries in flight at most, and so many of one endpoint.
    pub(super) fn limits(self, max_in_flight: u32, endpoint_in_flight: u32) -> Self {
        Self { limits: Limits { max_in_flight, endpoint_in_flight }, ..self }
    }
}

/// A dispatcher that runs until it is stopped.
pub(super) struct Running {
    pub(super) health: SocketAddr,
    stop: CancellationToken,
    service: JoinHandle<()>,
    tasks_before: usize,
}

impl Running {
    /// Starts a dispatcher with connections of its own to the broker, and its health on any port.
    pub(super) async fn start(
        store: SharedStore,
        queues: &TestQueues,
        keyring: Keyring,
        options: Options,
    ) -> Self {
        let tasks_before = alive_tasks();
        let settings = settings(keyring, options);
        let metrics = Metrics::new();
        let contracts = ContractBook::new(store.clone(), &ContractsConfig::default(), &metrics);
        let broker = queues.connect();
        let dispatcher = Dispatcher::with(settings, store, broker, contracts, &metrics).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let health = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let service = tokio::spawn(dispatcher.run(listener, stop.clone()));
        Self { health, stop, service, tasks_before }
    }

    /// The status that it answers with when it is asked for its health.
    pub(super) async fn health(&self, path: &str) -> u16 {
        let mut stream = TcpStream::connect(self.health).await.unwrap();
        let request = format!("GET /{path} HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }

    /// Tells it to stop.
    pub(super) fn cancel(&self) {
        self.stop.cancel();
    }

    /// Tells it to stop and waits until it has.
    pub(super) async fn stop(self) {
        self.cancel();
        let ended = tokio::time::timeout(PATIENCE, self.service).await;
        ended.expect("it ends in time").unwrap();
    }

    /// Tells it to stop and waits until it has, with every task that it started. Nobody else may
    /// have started any since. The client of the broker takes some seconds to notice that its
    /// connection is closed.
    pub(super) async fn stop_with_all_its_tasks(self) {
        let before = self.tasks_before;
        self.stop().await;
        until("its tasks have ended", async || alive_tasks() <= before).await;
    }
}

/// A test's runtime is its own.
fn alive_tasks() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks()
}

fn settings(keyring: Keyring, options: Options) -> Settings {
    Settings {
        egress: EgressConfig { allow: "127.0.0.0/8".parse().unwrap(), ..EgressConfig::default() },
        keyring,
        limits: options.limits,
        retention: Days::USUAL,
        grace: Duration::from_secs(options.grace),
    }
}

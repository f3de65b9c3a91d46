//! `postrider standalone`: ingest, dispatcher and API in one process, on SQLite and a broker in
//! memory.
//!
//! This file has the options and the start; the folder that its data is in has `data`, running the
//! three services side by side has `services`.

mod data;
mod services;

use data::{DataError, DataFolder};
use postrider_api::CustomerConfig;
use postrider_broker::InProcessBroker;
use postrider_common::config::{AdminKey, SecretParser};
use postrider_common::contracts::ContractsConfig;
use postrider_common::seal::Keyring;
use postrider_common::service::{self, ListenError};
use postrider_common::shutdown::{self, ShutdownConfig};
use postrider_common::telemetry::{self, TelemetryConfig, TelemetryError};
use postrider_dispatcher::{Limits, RetentionConfig};
use postrider_egress::EgressConfig;
use postrider_ingest::{Engines, GrpcConfig};
use postrider_store::{AnyDatabaseUrl, OperatorConfig, SharedStore, StoreError, connect_any};
use services::{Listeners, Services, ServicesError};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

const DEFAULT_GRPC_ADDR: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 50051);

/// Run everything in one process, with nothing else installed
///
/// Takes events over gRPC, delivers them and answers REST, as postrider-ingest, postrider-dispatcher
/// and postrider-api do together. Events are kept in SQLite in the data folder, and survive any kill;
/// work is carried in memory. On the first start it makes its keys: admin.key, with which tenants are
/// made, and master.key, which seals signing secrets. Keep both, and nobody else's eyes on them.
///
/// It listens on loopback alone unless told otherwise, and sends to public addresses alone: for
/// receivers on this machine add `--egress-allow 127.0.0.0/8,::1/128`.
///
/// SIGTERM and Ctrl-C stop it: it takes no more work and lets requests in flight finish. Exits with 0
/// when it was told to stop, with 1 when it could not run, with 2 when the options are wrong.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  postrider standalone
  postrider standalone --data-dir /var/lib/postrider --http-addr 0.0.0.0:8080
  postrider standalone --egress-allow 127.0.0.0/8,::1/128   # receivers on this machine, for development")]
pub(crate) struct Standalone {
    /// Folder for the database and the keys; made when it is missing, and locked while this runs
    #[arg(long, env = "POSTRIDER_DATA_DIR", default_value = "./data", value_name = "PATH")]
    data_dir: PathBuf,
    /// Another database than postrider.db in the data folder: `sqlite://path` or
    /// `postgres://user:password@host:port/name`
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL",
          value_parser = SecretParser::<AnyDatabaseUrl>::new())]
    database_url: Option<AnyDatabaseUrl>,
    /// Connections to the database that may be opened
    #[arg(long, env = "POSTRIDER_DATABASE_CONNECTIONS", default_value_t = 16, value_name = "N",
          value_parser = clap::value_parser!(u32).range(2..=1000))]
    database_connections: u32,
    /// Address for the API, /livez, /readyz and /metrics
    #[arg(
        long,
        env = "POSTRIDER_HTTP_ADDR",
        default_value = "127.0.0.1:8080",
        value_name = "ADDR:PORT"
    )]
    http_addr: SocketAddr,
    #[command(flatten)]
    grpc: GrpcConfig,
    /// The admin key, of at least 32 characters [default: admin.key in the data folder]
    #[arg(long, env = "POSTRIDER_ADMIN_KEY", hide_env_values = true, value_name = "KEY")]
    admin_key: Option<AdminKey>,
    /// 32 random bytes in base64 that seal secrets at rest; several separated by commas, for
    /// rotation: the first seals, all open [default: master.key in the data folder]
    #[arg(long, env = "POSTRIDER_MASTER_KEY", hide_env_values = true, value_name = "BASE64")]
    master_key: Option<Keyring>,
    #[command(flatten)]
    customers: CustomerConfig,
    #[command(flatten)]
    contracts: ContractsConfig,
    #[command(flatten)]
    operator: OperatorConfig,
    #[command(flatten)]
    limits: Limits,
    #[command(flatten)]
    retention: RetentionConfig,
    #[command(flatten)]
    egress: EgressConfig,
    #[command(flatten)]
    shutdown: ShutdownConfig,
    #[command(flatten)]
    telemetry: TelemetryConfig,
}

/// It could not start, or not go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StandaloneError {
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    #[error("signals cannot be received")]
    Signals(#[source] io::Error),
    #[error(transparent)]
    Data(#[from] DataError),
    #[error("the database cannot be used")]
    Store(#[from] StoreError),
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error(transparent)]
    Services(#[from] ServicesError),
}

impl StandaloneError {
    /// What to do about it.
    pub(crate) fn advice(&self) -> Option<&'static str> {
        matches!(self, Self::Listen(_)).then_some(
            "--grpc-addr (POSTRIDER_GRPC_ADDR) and --http-addr (POSTRIDER_HTTP_ADDR) name other addresses",
        )
    }
}

impl Standalone {
    /// Runs until it is told to stop.
    pub(crate) async fn run(self) -> Result<(), StandaloneError> {
        telemetry::init(&self.telemetry, "postrider-standalone")?;
        let stop = shutdown::on_signal().map_err(StandaloneError::Signals)?;
        let mut data = DataFolder::open(&self.data_dir)?;
        let admin_key = match self.admin_key {
            Some(given) => given,
            None => data.admin_key()?,
        };
        let listeners = Listeners {
            grpc: service::listen(self.grpc.grpc_addr.unwrap_or(DEFAULT_GRPC_ADDR)).await?,
            http: service::listen(self.http_addr).await?,
        };
        let url = self.database_url.unwrap_or_else(|| AnyDatabaseUrl::File(data.database()));
        let _lock = match &url {
            AnyDatabaseUrl::File(file) => Some(data::lock_database(file)?),
            AnyDatabaseUrl::Server(_) => None,
        };
        let store = ready_store(&url, self.database_connections, self.operator).await?;
        let master_key = match self.master_key {
            Some(given) => given,
            None => data.master_key(is_unused(&store).await?)?,
        };
        // Whoever closed our output knows where everything is.
        let _ = data.greet(&listeners, &mut io::stdout().lock());

        let services = Services {
            engines: Engines { store, broker: Arc::new(InProcessBroker::new()) },
            admin_key,
            master_key,
            contracts: self.contracts,
            grpc: self.grpc,
            customers: self.customers,
            limits: self.limits,
            retention: self.retention.retention_days,
            egress: self.egress,
            grace: self.shutdown.grace(),
        };
        Ok(services.run(listeners, stop).await?)
    }
}

/// The store, with the schema that we know. What an earlier process left in a file is taken over at
/// once: its lock says that there is no other. On a server there may be.
async fn ready_store(
    url: &AnyDatabaseUrl,
    connections: u32,
    operator: OperatorConfig,
) -> Result<SharedStore, StoreError> {
    let store = connect_any(url, connections, operator)?;
    for name in store.migrate().await?.applied {
        tracing::info!(name, "applied a migration");
    }
    if matches!(url, AnyDatabaseUrl::File(_)) {
        let left = store.deliveries_take_over().await?;
        tracing::info!(leases = left.leases, queued = left.queued, "the database is ours");
    }
    Ok(store)
}

/// Whether a database holds no tenant, and so nothing that a master key has sealed.
async fn is_unused(store: &SharedStore) -> Result<bool, StoreError> {
    Ok(store.tenant_list(None, 1).await?.is_empty())
}

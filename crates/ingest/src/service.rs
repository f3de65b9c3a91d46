//! The service as a whole: what it is built from, how it runs and how it stops.

mod health;
mod server;

use crate::accept::Acceptor;
use crate::auth::Authenticator;
use crate::config::{Config, GrpcConfig};
use crate::event_ids::EventIds;
use crate::gate::Gate;
use crate::metrics::IngestMetrics;
use crate::rpc::Rpc;
use crate::upkeep::{self, Trouble};
use futures::FutureExt as _;
use postrider_broker::{BrokerError, SharedBroker, metered};
use postrider_common::config::AdminKey;
use postrider_common::contracts::ContractsConfig;
use postrider_common::health::{Check, Readiness};
use postrider_common::metrics::Metrics;
use postrider_common::shutdown::drain;
use postrider_store::{ContractBook, SharedStore, Store, StoreError};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The two engines.
#[derive(Clone)]
pub struct Engines {
    /// Holds the obligation.
    pub store: SharedStore,
    /// Carries the work.
    pub broker: SharedBroker,
}

/// The service could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The database's URL cannot be understood.
    #[error("the store cannot be set up")]
    Store(#[from] StoreError),
    /// The broker's URL cannot be understood.
    #[error("the broker cannot be set up")]
    Broker(#[from] BrokerError),
}

/// The service could not be run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The listener failed.
    #[error("the gRPC listener failed")]
    Transport(#[from] tonic::transport::Error),
    /// The descriptions of the calls, which are built in, cannot be read.
    #[error("the reflection service cannot be set up")]
    Reflection(#[from] tonic_reflection::server::Error),
}

/// The service, ready to run. It starts and accepts while its engines are away, as far as that is
/// possible: without the broker it accepts all the same, without the database it says UNAVAILABLE.
pub struct Service {
    engines: Engines,
    contracts: ContractBook,
    admin_key: Option<AdminKey>,
    grpc: GrpcConfig,
    grace: Duration,
    trouble: watch::Sender<Trouble>,
    metrics: Arc<IngestMetrics>,
}

impl Service {
    /// Builds the service with engines of its own.
    pub fn build(config: &Config, metrics: &Metrics) -> Result<Self, BuildError> {
        let store = postrider_store::connect(&config.store)?;
        let broker = postrider_broker::connect(&config.broker)?;
        let grace = config.shutdown.grace();
        let own = ContractsConfig::default();
        let contracts = ContractBook::new(Arc::clone(&store), &own, metrics);
        let engines = Engines { store, broker };
        let admin_key = config.admin_key.clone();
        Ok(Self::with(engines, contracts, admin_key, config.grpc, grace, metrics))
    }

    /// Builds the service on engines and contracts that it shares with others. `grace` is how long calls may take
    /// to finish once it stops.
    pub fn with(
        engines: Engines,
        contracts: ContractBook,
        admin_key: Option<AdminKey>,
        grpc: GrpcConfig,
        grace: Duration,
        metrics: &Metrics,
    ) -> Self {
        let (trouble, _) = watch::channel(Some("not asked yet".to_owned()));
        let engines = Engines { broker: metered(engines.broker, metrics), ..engines };
        let metrics = Arc::new(IngestMetrics::register(metrics));
        Self { engines, contracts, admin_key, grpc, grace, trouble, metrics }
    }

    /// Whether the service can accept events now; not once `stopping` is cancelled. The broker is no
    /// part of that.
    pub fn readiness(&self, stopping: CancellationToken) -> Readiness {
        let trouble = self.trouble.subscribe();
        let check: Check = Arc::new(move || {
            let trouble = trouble.borrow().clone();
            std::future::ready(trouble.map_or(Ok(()), Err)).boxed()
        });
        Readiness::new(stopping).with("database", check)
    }

    /// Takes calls until `shutdown` is cancelled, then lets them finish within the grace: no new
    /// calls, streams end after what they have read, what was committed is published.
    pub async fn run(
        self,
        listener: TcpListener,
        shutdown: CancellationToken,
    ) -> Result<(), ServeError> {
        if let Ok(addr) = listener.local_addr() {
            tracing::info!(%addr, "taking calls");
        }
        let metrics = self.metrics;
        let gate = Arc::new(Gate::new(metrics.gate_open.clone()));
        let ids = EventIds::new(Arc::clone(&self.engines.store), self.contracts.clone());
        let (acceptor, published) =
            Acceptor::start(&self.engines, ids, Arc::clone(&gate), Arc::clone(&metrics));
        let Engines { store, broker } = self.engines;
        let tenants = Arc::<dyn Store>::clone(&store);
        let keys = Arc::new(Authenticator::new(tenants, self.admin_key));
        let rpc = Rpc { keys, acceptor, stopping: shutdown.clone() };
        let (reporter, health) = health::start().await;
        let serving = server::serve(self.grpc, rpc, health, listener, shutdown.clone())?;

        // Dropped at the end, which ends the tasks.
        let mut beside = JoinSet::new();
        beside.spawn(health::report(reporter, self.trouble.subscribe(), shutdown.clone()));
        let store_metrics = metrics.store.clone();
        beside.spawn(upkeep::watch_store(Arc::clone(&store), self.trouble, store_metrics));
        beside.spawn(upkeep::keep_partitions(store));
        beside.spawn(self.contracts.keep_current());
        beside.spawn(metrics.broker.clone().keep_sampling(Arc::clone(&broker)));
        beside.spawn(async move { gate.keep(broker).await });

        let work = async {
            let served = serving.await;
            published.wait().await;
            served
        };
        Ok(until_drained(work, self.grace, shutdown).await?)
    }
}

/// Waits for the work's end: without a limit until `shutdown`, within the grace from there.
async fn until_drained<E>(
    work: impl Future<Output = Result<(), E>>,
    grace: Duration,
    shutdown: CancellationToken,
) -> Result<(), E> {
    let mut work = pin!(work);
    tokio::select! {
        ended = &mut work => return ended,
        () = shutdown.cancelled() => {}
    }
    let mut ended = Ok(());
    drain("ingest", grace, async { ended = work.await }).await;
    ended
}

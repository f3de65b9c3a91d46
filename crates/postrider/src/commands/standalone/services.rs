//! The three services side by side: on the same engines, started and stopped together.

use postrider_api::{Api, CustomerConfig};
use postrider_common::config::AdminKey;
use postrider_common::contracts::ContractsConfig;
use postrider_common::keeping::Days;
use postrider_common::metrics::Metrics;
use postrider_common::seal::Keyring;
use postrider_dispatcher::{Dispatcher, Limits};
use postrider_egress::{EgressConfig, Guard, SystemLookup};
use postrider_ingest::{Engines, GrpcConfig, Service as Ingest};
use postrider_store::ContractBook;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Where requests are taken.
pub(super) struct Listeners {
    pub(super) grpc: TcpListener,
    pub(super) http: TcpListener,
}

/// What the services are built from.
pub(super) struct Services {
    pub(super) engines: Engines,
    pub(super) admin_key: AdminKey,
    pub(super) master_key: Keyring,
    pub(super) contracts: ContractsConfig,
    pub(super) grpc: GrpcConfig,
    pub(super) customers: CustomerConfig,
    pub(super) limits: Limits,
    pub(super) retention: Days,
    pub(super) egress: EgressConfig,
    pub(super) grace: Duration,
}

/// One of the services could not be built or run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServicesError {
    #[error("deliveries cannot be dispatched")]
    Dispatcher(#[from] postrider_dispatcher::BuildError),
    #[error("events cannot be taken")]
    Ingest(#[from] postrider_ingest::ServeError),
}

impl Services {
    /// Runs all three until `stop` is cancelled, or until one of them cannot go on; then lets them
    /// finish what they have in hand within the grace.
    pub(super) async fn run(
        self,
        listeners: Listeners,
        stop: CancellationToken,
    ) -> Result<(), ServicesError> {
        // One process: the API shows the metrics of all three.
        let metrics = Metrics::new();
        let store = Arc::clone(&self.engines.store);
        let contracts = ContractBook::new(store, &self.contracts, &metrics);
        let ingest = self.ingest(contracts.clone(), &metrics);
        let api = self.api(contracts.clone(), &metrics);
        let dispatcher = self.dispatcher(contracts, &metrics)?;
        let broker = self.engines.broker;
        let taking = async {
            let ended = ingest.run(listeners.grpc, stop.clone()).await;
            // Also when the listener failed: the others have no reason to go on then.
            stop.cancel();
            ended
        };
        let (taken, (), ()) = tokio::join!(
            taking,
            dispatcher.work(stop.clone()),
            api.run(listeners.http, stop.clone()),
        );
        broker.close().await;
        Ok(taken?)
    }

    fn ingest(&self, contracts: ContractBook, metrics: &Metrics) -> Ingest {
        let (engines, admin_key) = (self.engines.clone(), Some(self.admin_key.clone()));
        Ingest::with(engines, contracts, admin_key, self.grpc, self.grace, metrics)
    }

    fn api(&self, contracts: ContractBook, metrics: &Metrics) -> Api {
        let settings = postrider_api::Settings {
            admin_key: self.admin_key.clone(),
            keyring: self.master_key.clone(),
            customers: self.customers.clone(),
            grace: self.grace,
        };
        let guard = Guard::new(&self.egress, Arc::new(SystemLookup::new()));
        Api::with(settings, Arc::clone(&self.engines.store), guard, contracts, metrics)
    }

    fn dispatcher(
        &self,
        contracts: ContractBook,
        metrics: &Metrics,
    ) -> Result<Dispatcher, postrider_dispatcher::BuildError> {
        let settings = postrider_dispatcher::Settings {
            egress: self.egress.clone(),
            keyring: self.master_key.clone(),
            limits: self.limits,
            retention: self.retention,
            grace: self.grace,
        };
        let Engines { store, broker } = self.engines.clone();
        Dispatcher::with(settings, store, broker, contracts, metrics)
    }
}

//! The service: what it is built from, its routes, and running them until told to stop.

use crate::app::App;
use crate::body::MAX_BODY;
use crate::config::{Config, Settings};
use crate::error::{self, ApiError};
use crate::metrics::ApiMetrics;
use crate::{
    api_keys, base_path, dead_letters, deliveries, egress_ips, events, observe, readiness, replays,
    server, tenants, test_events, webhooks,
};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn_with_state, map_request_with_state};
use postrider_common::health;
use postrider_common::metrics::{self, Metrics};
use postrider_egress::{Guard, SystemLookup};
use postrider_store::{ContractBook, SharedStore, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tower_http::catch_panic::CatchPanicLayer;

/// The REST API, ready to run.
pub struct Api {
    app: Arc<App>,
    grace: Duration,
    metrics: Metrics,
    measured: ApiMetrics,
}

impl Api {
    /// Builds the API with its own store and guard. Takes no connection yet: it starts while the
    /// database is away, and is not ready until it is back.
    ///
    /// # Errors
    ///
    /// Only a database URL that cannot be understood.
    pub fn build(config: &Config, metrics: &Metrics) -> Result<Self, StoreError> {
        let store = postrider_store::connect(&config.store)?;
        let guard = Guard::new(&config.egress, Arc::new(SystemLookup::new()));
        let contracts = ContractBook::new(Arc::clone(&store), &config.contracts, metrics);
        Ok(Self::with(config.settings(), store, guard, contracts, metrics))
    }

    /// Builds the API over a store, a guard and contracts that others may share.
    pub fn with(
        settings: Settings,
        store: SharedStore,
        guard: Guard,
        contracts: ContractBook,
        metrics: &Metrics,
    ) -> Self {
        let grace = settings.grace;
        let app = Arc::new(App::new(settings, store, guard, contracts));
        Self { app, grace, metrics: metrics.clone(), measured: ApiMetrics::register(metrics) }
    }

    /// All routes; `/readyz` answers 503 from when `stopping` is cancelled.
    pub fn router(&self, stopping: CancellationToken) -> Router {
        let version_1 = Router::new()
            .merge(tenants::router())
            .merge(api_keys::router())
            .merge(webhooks::router())
            .merge(events::router())
            .merge(deliveries::router())
            .merge(dead_letters::router())
            .merge(replays::router())
            .merge(egress_ips::router())
            .merge(test_events::router());
        let routes = Router::new()
            .nest("/api/v1", version_1)
            .with_state(Arc::clone(&self.app))
            .merge(health::router(readiness::of(Arc::clone(&self.app), stopping)))
            .merge(metrics::router(&self.metrics))
            .fallback(async || ApiError::NoRoute)
            .method_not_allowed_fallback(async || ApiError::Method)
            .layer(DefaultBodyLimit::max(MAX_BODY))
            .layer(CatchPanicLayer::custom(error::for_panic))
            .layer(from_fn_with_state(self.measured.clone(), observe::observe));
        // Routing a second time, since a layer round the routes themselves comes after it.
        let rewrite = map_request_with_state(Arc::clone(&self.app), base_path::rewrite);
        Router::new().fallback_service(routes).layer(rewrite)
    }

    /// Serves until `shutdown` is cancelled, then lets requests in flight finish within the grace.
    pub async fn run(self, listener: TcpListener, shutdown: CancellationToken) {
        self.app.contracts.refresh_at_start().await;
        let router = self.router(shutdown.clone());
        let keeping = self.app.contracts.clone().keep_current();
        let _keeping = AbortOnDropHandle::new(tokio::spawn(keeping));
        let sampling = self.measured.store.clone().keep_sampling(Arc::clone(&self.app.store));
        let _sampling = AbortOnDropHandle::new(tokio::spawn(sampling));
        server::serve(listener, router, shutdown, self.grace).await;
    }
}

//! The service: what it is built from, its routes, and running them until told to stop.

use crate::app::App;
use crate::config::{Config, Settings};
use crate::error::{self, ApiError};
use crate::metrics::ApiMetrics;
use crate::{api_keys, deliveries, events, observe, readiness, server, tenants, webhooks};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use postrider_common::health;
use postrider_common::metrics::{self, Metrics};
use postrider_egress::{Guard, SystemLookup};
use postrider_store::{SharedStore, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tower_http::catch_panic::CatchPanicLayer;

/// The largest body of a request, in bytes.
const MAX_BODY: usize = 64 * 1024;

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
        Ok(Self::with(config.settings(), store, guard, metrics))
    }

    /// Builds the API over a store and a guard that others may share.
    pub fn with(settings: Settings, store: SharedStore, guard: Guard, metrics: &Metrics) -> Self {
        let grace = settings.grace;
        let app = Arc::new(App::new(settings, store, guard));
        Self { app, grace, metrics: metrics.clone(), measured: ApiMetrics::register(metrics) }
    }

    /// All routes; `/readyz` answers 503 from when `stopping` is cancelled.
    pub fn router(&self, stopping: CancellationToken) -> Router {
        let version_1 = Router::new()
            .merge(tenants::router())
            .merge(api_keys::router())
            .merge(webhooks::router())
            .merge(events::router())
            .merge(deliveries::router());
        Router::new()
            .nest("/api/v1", version_1)
            .with_state(Arc::clone(&self.app))
            .merge(health::router(readiness::of(Arc::clone(&self.app), stopping)))
            .merge(metrics::router(&self.metrics))
            .fallback(async || ApiError::NoRoute)
            .method_not_allowed_fallback(async || ApiError::Method)
            .layer(DefaultBodyLimit::max(MAX_BODY))
            .layer(CatchPanicLayer::custom(error::for_panic))
            .layer(from_fn_with_state(self.measured.clone(), observe::observe))
    }

    /// Serves until `shutdown` is cancelled, then lets requests in flight finish within the grace.
    pub async fn run(self, listener: TcpListener, shutdown: CancellationToken) {
        let router = self.router(shutdown.clone());
        let sampling = self.measured.store.clone().keep_sampling(Arc::clone(&self.app.store));
        let _sampling = AbortOnDropHandle::new(tokio::spawn(sampling));
        server::serve(listener, router, shutdown, self.grace).await;
    }
}

//! Liveness and readiness: `/livez` and `/readyz`.
//!
//! Live means that the process answers. Ready means that it can do its work now: its checks pass
//! and it is not stopping.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use futures::future::BoxFuture;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Where a service without HTTP routes of its own answers for its health.
#[derive(clap::Args, Clone, Copy, Debug)]
pub struct HealthConfig {
    /// Address for /livez, /readyz and /metrics [default: 0.0.0.0:9464 for ingest, 0.0.0.0:9465 for the
    /// dispatcher]
    #[arg(long, env = "POSTRIDER_METRICS_ADDR", value_name = "ADDR:PORT")]
    pub metrics_addr: Option<SocketAddr>,
}

/// A check that readiness depends on: `Err` says, for the operator, what is not right.
pub type Check = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// The readiness of one service.
#[derive(Clone)]
pub struct Readiness {
    checks: Vec<(&'static str, Check)>,
    stopping: CancellationToken,
}

impl Readiness {
    /// Ready until `stopping` is cancelled.
    pub fn new(stopping: CancellationToken) -> Self {
        Self { checks: Vec::new(), stopping }
    }

    /// Adds a check by the name of what it looks at.
    #[must_use]
    pub fn with(mut self, name: &'static str, check: Check) -> Self {
        self.checks.push((name, check));
        self
    }

    /// What is not right now; empty when ready.
    pub async fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.stopping.is_cancelled() {
            problems.push("stopping".to_owned());
        }
        for (name, check) in &self.checks {
            if let Err(problem) = check().await {
                problems.push(format!("{name}: {problem}"));
            }
        }
        problems
    }
}

/// The two routes, to be merged into a service's router or served alone.
pub fn router(readiness: Readiness) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .with_state(readiness)
}

async fn ready(State(readiness): State<Readiness>) -> (StatusCode, String) {
    let problems = readiness.problems().await;
    if problems.is_empty() {
        (StatusCode::OK, "ready\n".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, problems.join("\n") + "\n")
    }
}

/// Serves these routes, and such as they are merged with, until `closed` is cancelled.
pub async fn serve(listener: TcpListener, routes: Router, closed: CancellationToken) {
    let served =
        axum::serve(listener, routes).with_graceful_shutdown(closed.cancelled_owned()).await;
    if let Err(error) = served {
        tracing::error!(error = %error, "the health listener failed");
    }
}

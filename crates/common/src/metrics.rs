//! What is counted and measured, shown on `/metrics` as OpenMetrics text, which Prometheus reads.
//!
//! There is no global registry: whoever runs services makes one [`Metrics`] for the process and hands
//! it to them. What several of them have in common, such as the state of an engine, they register
//! together and share. Each crate says in a module `metrics` what it counts; this is the only one that
//! knows the client library. `docs/metrics.md` lists everything, and a test holds it to that.
//!
//! Labels have few values, all known when the program is built: no tenant, endpoint, URL or event type.

mod batch;
mod counters;
mod process;
mod registry;
mod sampled;

pub use batch::BatchMetrics;
pub use counters::Counters;
pub use prometheus_client::metrics::counter::Counter;
pub use prometheus_client::metrics::family::Family;
pub use prometheus_client::metrics::gauge::Gauge;
pub use prometheus_client::metrics::histogram::Histogram;
pub use registry::Metrics;
pub use sampled::Sampled;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use std::time::Duration;

/// How often what an engine has to be asked for is asked for. A scrape shows what was answered last,
/// and never waits for an engine.
pub const SAMPLE_INTERVAL: Duration = Duration::from_secs(5);

/// Names and values of `N` labels.
pub type Labels<const N: usize> = [(&'static str, &'static str); N];

/// Histograms, one for each set of labels.
pub type Histograms<const N: usize> = Family<Labels<N>, Histogram, fn() -> Histogram>;

/// Of OpenMetrics 1.0, which is what is written.
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// From a millisecond to a minute, in seconds.
const SECONDS: [f64; 15] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// A histogram of how long requests take, in seconds.
pub fn request_seconds() -> Histogram {
    Histogram::new(SECONDS)
}

/// The route `GET /metrics`, to be merged into a service's router or served with its health.
pub fn router(metrics: &Metrics) -> Router {
    Router::new().route("/metrics", get(show)).with_state(metrics.clone())
}

async fn show(State(metrics): State<Metrics>) -> Response {
    match metrics.encode() {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

#[cfg(test)]
mod tests;

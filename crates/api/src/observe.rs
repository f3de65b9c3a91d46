//! Round every request: it is counted and traced, what went wrong on our side goes to the log, and no answer to
//! a cache.

use crate::error::Cause;
use crate::metrics::ApiMetrics;
use crate::trace;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use std::time::Instant;

/// Counts the request, and logs the cause of a 5xx with the request that met it. The path holds ids and never a key; the
/// query is left out.
pub(crate) async fn observe(
    State(metrics): State<ApiMetrics>,
    request: Request,
    next: Next,
) -> Response {
    let began = Instant::now();
    let route = request.extensions().get::<MatchedPath>().map(|route| route.as_str().to_owned());
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let span = trace::begin(&request, route.as_deref());
    let mut response = next.run(request).await;
    let status = response.status();
    trace::end(span, status);
    metrics.answered(&method, route, status, began.elapsed());
    if let Some(Cause(cause)) = response.extensions_mut().remove() {
        if status == StatusCode::SERVICE_UNAVAILABLE {
            tracing::warn!(%method, path, error = cause, "a request was turned away");
        } else {
            tracing::error!(%method, path, error = cause, "a request failed");
        }
    }
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

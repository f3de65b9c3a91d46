//! What the API counts and measures. `docs/metrics.md` says what each is good for.

use axum::http::{Method, StatusCode};
use postrider_common::metrics::{Counter, Family, Histogram, Metrics, request_seconds};
use postrider_store::StoreMetrics;
use std::borrow::Cow;
use std::time::Duration;

/// A route's template comes out of the router; there are as many as there are routes.
type Label = (&'static str, Cow<'static, str>);

/// What the API counts and measures. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct ApiMetrics {
    /// Of the database.
    pub(crate) store: StoreMetrics,
    requests: Family<[Label; 3], Counter>,
    durations: Family<[Label; 2], Histogram, fn() -> Histogram>,
}

impl ApiMetrics {
    pub(crate) fn register(metrics: &Metrics) -> Self {
        Self {
            store: StoreMetrics::register(metrics),
            requests: metrics.register(
                "http_requests",
                "Requests that were answered, by method, route and the class of the status",
                Family::default(),
            ),
            durations: metrics.register(
                "http_request_duration_seconds",
                "How long requests took, to the head of the answer, by method and route",
                Family::new_with_constructor(request_seconds as fn() -> Histogram),
            ),
        }
    }

    /// Counts a request. `route` is the template that its path matched.
    pub(crate) fn answered(
        &self,
        method: &Method,
        route: Option<String>,
        status: StatusCode,
        took: Duration,
    ) {
        let method = ("method", Cow::Borrowed(method_name(method)));
        let route = ("route", route.map_or(Cow::Borrowed("none"), Cow::Owned));
        let status = ("status", Cow::Borrowed(class(status)));
        let labels = [method, route];
        self.durations.get_or_create(&labels).observe(took.as_secs_f64());
        let [method, route] = labels;
        self.requests.get_or_create(&[method, route, status]).inc();
    }
}

/// Anybody may make up a method.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    }
}

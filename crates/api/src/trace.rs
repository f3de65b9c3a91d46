//! The span of a request to the API, under its route's template: neither the path's ids nor the query
//! are in it. Whoever asks for health or metrics leaves no spans.

use axum::extract::Request;
use axum::http::StatusCode;
use postrider_common::trace::{Kind, Span, TraceContext};

const TRACED: &str = "/api/";

/// Starts the span of a request, in the trace that its caller names.
pub(crate) fn begin(request: &Request, route: Option<&str>) -> Span {
    let Some(route) = route.filter(|route| route.starts_with(TRACED)) else {
        return Span::none();
    };
    let method = request.method().as_str();
    let parent = TraceContext::of_header(request.headers().get_all(TraceContext::NAME));
    let mut span = Span::start(Kind::Server, format_args!("{method} {route}"), parent, []);
    span.record(|span| {
        span.set("http.request.method", method.to_owned());
        span.set("http.route", route.to_owned());
        span.set("url.scheme", "http");
    });
    span
}

/// Ends it with the answer's status, of which those from 500 on are our failures.
pub(crate) fn end(mut span: Span, status: StatusCode) {
    span.record(|span| {
        span.set("http.response.status_code", i64::from(status.as_u16()));
        if status.is_server_error() {
            span.fail(status.as_str().to_owned());
        }
    });
}

//! The span of an attempt: part of its event's trace, however late the attempt is made.
//!
//! Its names are those of OpenTelemetry's conventions for HTTP clients. It has neither the URL's path
//! nor its query, which may be a receiver's secret.

use crate::claim::Work;
use crate::judge::Judgement;
use postrider_common::attempt::FailureKind;
use postrider_common::trace::{Kind, Span, TraceContext};
use postrider_egress::TargetUrl;

/// Starts the span of an attempt, linked to where its message was processed. `url` is where the
/// request goes, if there can be one.
pub(crate) fn begin(work: &Work, url: Option<&TargetUrl>, message: Option<TraceContext>) -> Span {
    let delivery = &work.delivery;
    let mut span = Span::start(Kind::Client, format_args!("POST"), work.event.trace, message);
    span.record(|span| {
        span.set("http.request.method", "POST");
        if let Some(url) = url {
            span.set("url.scheme", if url.is_https() { "https" } else { "http" });
            span.set("server.address", url.host().trim_matches(['[', ']']).to_owned());
            span.set("server.port", i64::from(url.port()));
        }
        if delivery.attempt > 1 {
            span.set("http.request.resend_count", i64::from(delivery.attempt - 1));
        }
        span.set("postrider.tenant.id", delivery.tenant.as_str().to_owned());
        span.set("postrider.event.id", delivery.event.to_string());
        span.set("postrider.delivery.id", delivery.id.to_string());
        span.set("postrider.attempt.number", i64::from(delivery.attempt));
    });
    span
}

/// Ends it with how the attempt went.
pub(crate) fn end(mut span: Span, judgement: &Judgement) {
    span.record(|span| {
        let status = judgement.response.as_ref().map(|response| response.status);
        if let Some(status) = status {
            span.set("http.response.status_code", i64::from(status));
        }
        match (judgement.failure, status) {
            (None, _) => {}
            (Some(FailureKind::Status), Some(status)) => span.fail(status.to_string()),
            (Some(kind), _) => span.fail(kind.as_str()),
        }
    });
}

/// Ends it when nothing was sent in the end.
pub(crate) fn end_unused(mut span: Span) {
    span.record(|span| span.fail("not_sent"));
}

//! The span of a call, and the trace that its events are part of: the caller's, if it named one.

use crate::metrics::{Method, code_name};
use postrider_common::trace::{Kind, Span, TraceContext};
use tonic::Code;
use tonic::codegen::http::{Extensions, Request};

/// Starts the span of a call, and leaves its context, or without an exporter the caller's, in the
/// request's extensions.
pub(super) fn begin<B>(method: Method, request: &mut Request<B>) -> Span {
    let Some(name) = full_name(method) else {
        return Span::none();
    };
    let given = TraceContext::of_header(request.headers().get_all(TraceContext::NAME));
    let mut span = Span::start(Kind::Server, format_args!("{name}"), given, []);
    span.record(|span| {
        span.set("rpc.system.name", "grpc");
        span.set("rpc.method", name);
    });
    if let Some(trace) = span.context().or(given) {
        request.extensions_mut().insert(trace);
    }
    span
}

/// Says how the call ended. Of the codes, those are failures that say so of the server, as the
/// conventions for gRPC have it.
pub(super) fn end(span: &mut Span, code: Code) {
    span.record(|span| {
        let name = code_name(code);
        span.set("rpc.response.status_code", name);
        if matches!(
            code,
            Code::Unknown
                | Code::DeadlineExceeded
                | Code::Unimplemented
                | Code::Internal
                | Code::Unavailable
                | Code::DataLoss
        ) {
            span.fail(name);
        }
    });
}

/// The trace that the events of a call are part of.
pub(super) fn of(extensions: &Extensions) -> Option<TraceContext> {
    extensions.get().copied()
}

fn full_name(method: Method) -> Option<&'static str> {
    match method {
        Method::PublishEvent => Some("postrider.v1.Ingest/PublishEvent"),
        Method::PublishEvents => Some("postrider.v1.Ingest/PublishEvents"),
        Method::StreamEvents => Some("postrider.v1.Ingest/StreamEvents"),
        Method::Other => None,
    }
}

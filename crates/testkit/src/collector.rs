//! An OpenTelemetry collector on loopback: takes traces over OTLP/gRPC, keeps every span, and waits
//! for those that a test expects.

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

/// A span as it was exported; ids in hexadecimal.
#[derive(Clone, Debug)]
pub struct CollectedSpan {
    /// The service that exported it.
    pub service: String,
    /// Its name.
    pub name: String,
    /// Its kind, as in `server`.
    pub kind: String,
    /// Its trace.
    pub trace_id: String,
    /// Itself.
    pub span_id: String,
    /// The span that it is part of; empty when it is a trace's first.
    pub parent_id: String,
    /// The trace and the span of each link.
    pub links: Vec<(String, String)>,
    /// Its attributes, numbers as text.
    pub attributes: BTreeMap<String, String>,
    /// Whether it says that something failed.
    pub failed: bool,
}

impl CollectedSpan {
    /// An attribute; empty when it has none of this name.
    pub fn attribute(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }

    /// What a request that was made for it carries.
    pub fn traceparent(&self) -> String {
        format!("00-{}-{}-01", self.trace_id, self.span_id)
    }
}

/// The spans were not as hoped for when the time was over.
#[derive(Debug, thiserror::Error)]
#[error("not within {within:?}; there are {spans:#?}")]
pub struct NotCollected {
    within: Duration,
    spans: Vec<CollectedSpan>,
}

/// A collector that listens until it is dropped.
pub struct Collector {
    address: SocketAddr,
    book: Arc<Book>,
    _serving: AbortOnDropHandle<()>,
}

struct Book {
    exports: Mutex<Vec<ExportTraceServiceRequest>>,
    changes: watch::Sender<()>,
}

impl Book {
    fn exports(&self) -> MutexGuard<'_, Vec<ExportTraceServiceRequest>> {
        // Whole after every statement, so a panic elsewhere spoils nothing.
        self.exports.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collector {
    /// Starts to listen on a free loopback port.
    ///
    /// # Panics
    ///
    /// When loopback has no free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free loopback port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let book = Arc::new(Book { exports: Mutex::default(), changes: watch::Sender::new(()) });
        let service = TraceServiceServer::new(Taker(Arc::clone(&book)));
        let serving =
            Server::builder().add_service(service).serve_with_incoming(TcpIncoming::from(listener));
        let serving = tokio::spawn(async { serving.await.expect("the collector serves") });
        Self { address, book, _serving: AbortOnDropHandle::new(serving) }
    }

    /// What `OTEL_EXPORTER_OTLP_ENDPOINT` must say.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All spans so far, in the order in which they were exported.
    pub fn spans(&self) -> Vec<CollectedSpan> {
        let exports = self.book.exports();
        exports.iter().flat_map(|export| &export.resource_spans).flat_map(collected).collect()
    }

    /// Everything that was exported, whatever it says, as text to be searched.
    pub fn text(&self) -> String {
        format!("{:?}", self.book.exports())
    }

    /// Waits until the spans are as `enough` says, and gives them.
    pub async fn wait_for(
        &self,
        enough: impl Fn(&[CollectedSpan]) -> bool,
        within: Duration,
    ) -> Result<Vec<CollectedSpan>, NotCollected> {
        let mut changes = self.book.changes.subscribe();
        let collected = async {
            loop {
                let spans = self.spans();
                // The sender lives in the book, so that a change can always still come.
                if enough(&spans) || changes.changed().await.is_err() {
                    return spans;
                }
            }
        };
        let collected = tokio::time::timeout(within, collected).await;
        collected.map_err(|_| NotCollected { within, spans: self.spans() })
    }
}

/// The service that spans are exported to.
struct Taker(Arc<Book>);

#[tonic::async_trait]
impl TraceService for Taker {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.exports().push(request.into_inner());
        self.0.changes.send_replace(());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

fn collected(resource: &ResourceSpans) -> impl Iterator<Item = CollectedSpan> {
    let attributes = resource.resource.iter().flat_map(|resource| &resource.attributes);
    let service = texts(attributes).remove("service.name").unwrap_or_default();
    let spans = resource.scope_spans.iter().flat_map(|scope| &scope.spans);
    spans.map(move |span| of(&service, span))
}

fn of(service: &str, span: &Span) -> CollectedSpan {
    let kind = SpanKind::try_from(span.kind).unwrap_or_default();
    let kind = kind.as_str_name().trim_start_matches("SPAN_KIND_").to_lowercase();
    let links = span.links.iter();
    let failed = span.status.as_ref().is_some_and(|status| status.code() == StatusCode::Error);
    CollectedSpan {
        service: service.to_owned(),
        name: span.name.clone(),
        kind,
        trace_id: hex::encode(&span.trace_id),
        span_id: hex::encode(&span.span_id),
        parent_id: hex::encode(&span.parent_span_id),
        links: links.map(|one| (hex::encode(&one.trace_id), hex::encode(&one.span_id))).collect(),
        attributes: texts(&span.attributes),
        failed,
    }
}

fn texts<'a>(attributes: impl IntoIterator<Item = &'a KeyValue>) -> BTreeMap<String, String> {
    let text = |value: &Option<AnyValue>| match value.as_ref().and_then(|any| any.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    attributes.into_iter().map(|one| (one.key.clone(), text(&one.value))).collect()
}

//! The exporter: set up once for the process, flushed at its end, and heard of in the log only when
//! it begins to fail and when it works again.

use super::config::{Target, TraceConfig, TraceError};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{SpanExporter as OtlpExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::resource::{EnvResourceDetector, TelemetryResourceDetector};
use opentelemetry_sdk::trace::{
    BatchSpanProcessor, SdkTracer, SdkTracerProvider, SpanData, SpanExporter,
};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long a process that ends waits for its last spans to be exported.
const FLUSH_WITHIN: Duration = Duration::from_secs(3);
const SERVICE_NAME: &str = "service.name";

/// Of the whole process, as logs are.
static TRACES: OnceLock<Traces> = OnceLock::new();

struct Traces {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

/// Sets up the export of traces, if there is somewhere to export to; `service` is what the process is
/// called unless it is told otherwise. Connects in the background. To be called within a Tokio
/// runtime that lives until [`shutdown`].
pub fn init(config: &TraceConfig, service: &'static str) -> Result<(), TraceError> {
    let Some(target) = config.target()? else {
        return Ok(());
    };
    let exporter = OtlpExporter::builder().with_tonic().with_endpoint(&target.endpoint).build();
    let exporter = exporter.map_err(|_| TraceError::Endpoint { variable: target.variable })?;
    let exporter = Watched { inner: exporter, failing: AtomicBool::new(false) };
    let provider = SdkTracerProvider::builder()
        .with_span_processor(BatchSpanProcessor::builder(exporter).build())
        .with_resource(resource(&target, service))
        .with_sampler(target.sampler)
        .build();
    let scope = InstrumentationScope::builder("postrider").with_version(env!("CARGO_PKG_VERSION"));
    let tracer = provider.tracer_with_scope(scope.build());
    TRACES.set(Traces { provider, tracer }).map_err(|_| TraceError::Twice)?;
    tracing::info!(variable = target.variable, "traces are exported");
    Ok(())
}

/// Exports what is left, for at most three seconds. Blocks; for the end of a process, when its
/// runtime still runs.
pub fn shutdown() {
    let Some(traces) = TRACES.get() else { return };
    if let Err(error) = traces.provider.shutdown_with_timeout(FLUSH_WITHIN) {
        tracing::warn!(%error, "the last spans were not exported");
    }
}

pub(super) fn tracer() -> Option<&'static SdkTracer> {
    TRACES.get().map(|traces| &traces.tracer)
}

/// `OTEL_SERVICE_NAME`, else what `OTEL_RESOURCE_ATTRIBUTES` says, else our own name.
fn resource(target: &Target, service: &'static str) -> Resource {
    let resource = Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_attribute(KeyValue::new(SERVICE_NAME, service))
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_detector(Box::new(EnvResourceDetector::new()));
    match &target.service_name {
        Some(name) => resource.with_service_name(name.clone()).build(),
        None => resource.build(),
    }
}

/// An exporter that is spoken of when it begins to fail and when it works again, and not between.
#[derive(Debug)]
struct Watched {
    inner: OtlpExporter,
    failing: AtomicBool,
}

impl SpanExporter for Watched {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let exported = self.inner.export(batch).await;
        let was_failing = self.failing.swap(exported.is_err(), Ordering::Relaxed);
        match &exported {
            Err(error) if !was_failing => {
                tracing::warn!(%error, "traces cannot be exported; spans are lost meanwhile");
            }
            Ok(()) if was_failing => tracing::info!("traces are exported again"),
            _ => {}
        }
        exported
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

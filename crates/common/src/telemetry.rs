//! Logs, for people or as JSON, and the start of [`crate::trace`]. A line reads alone and carries
//! ids as fields.
//!
//! Never logged: secrets, API keys, payloads, response bodies, URLs with their query.

use crate::trace::{self, TraceConfig, TraceError};
use std::io::IsTerminal as _;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

/// What is silent unless the filter names it. The AMQP client reports every failure at each of its
/// layers, and logs whole messages; the broker's adapter says what matters of that.
const QUIET: &str = "lapin=off";

/// How log lines look.
#[derive(clap::ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// What is logged and how.
#[derive(clap::Args, Clone, Debug)]
pub struct TelemetryConfig {
    /// Levels by module, as in `info,postrider_dispatcher=debug`
    #[arg(long, env = "RUST_LOG", default_value = "info", value_name = "FILTER")]
    pub log: String,
    /// How log lines look
    #[arg(long, env = "POSTRIDER_LOG_FORMAT", default_value = "text", value_name = "FORMAT")]
    pub log_format: LogFormat,
    /// Where traces go.
    #[command(flatten)]
    pub traces: TraceConfig,
}

/// Logs or traces could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `RUST_LOG` is no filter.
    #[error("RUST_LOG (--log) is no log filter")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// Somebody else set up logs in this process before.
    #[error("logs are already set up")]
    Twice(#[from] TryInitError),
    /// Traces could not be set up.
    #[error(transparent)]
    Trace(#[from] TraceError),
}

/// Sets up logs on standard error, and traces if there is somewhere to export them to, for the whole
/// process; `service` is what traces call it unless they are told otherwise. To be called within a
/// Tokio runtime, by what [`crate::service::run`] runs, which exports the last spans.
pub fn init(config: &TelemetryConfig, service: &'static str) -> Result<(), TelemetryError> {
    let filter = EnvFilter::try_new(format!("{QUIET},{}", config.log))?;
    let registry = tracing_subscriber::registry().with(filter);
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match config.log_format {
        LogFormat::Text => registry.with(layer).try_init()?,
        LogFormat::Json => registry.with(layer.json().flatten_event(true)).try_init()?,
    }
    Ok(trace::init(&config.traces, service)?)
}

//! The process `postrider-ingest`: parse, build, bind, run, drain.

use clap::Parser;
use postrider_common::metrics::{self, Metrics};
use postrider_common::telemetry::{self, TelemetryConfig};
use postrider_common::{health, service, shutdown};
use postrider_ingest::{Config, Service};
use std::error::Error;
use std::process::ExitCode;
use tokio_util::sync::CancellationToken;

/// Accepts events over gRPC, stores them, and announces their deliveries.
#[derive(Parser)]
#[command(version)]
struct Args {
    #[command(flatten)]
    config: Config,
    #[command(flatten)]
    telemetry: TelemetryConfig,
}

fn main() -> ExitCode {
    service::run(run(Args::parse()))
}

async fn run(Args { config, telemetry }: Args) -> Result<(), Box<dyn Error>> {
    telemetry::init(&telemetry, env!("CARGO_BIN_NAME"))?;
    let stop = shutdown::on_signal()?;
    let metrics = Metrics::new();
    let service = Service::build(&config, &metrics)?;
    let listener = service::listen(config.grpc_addr()).await?;
    let health = service::listen(config.health_addr()).await?;
    let process_end = CancellationToken::new();
    let routes = health::router(service.readiness(stop.clone())).merge(metrics::router(&metrics));
    tokio::spawn(health::serve(health, routes, process_end));
    Ok(service.run(listener, stop).await?)
}

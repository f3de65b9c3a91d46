//! The process `postrider-ingest`: parse, build, bind, run, drain.

use clap::Parser;
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
    telemetry::init(&telemetry)?;
    let stop = shutdown::on_signal()?;
    let service = Service::build(&config)?;
    let listener = service::listen(config.grpc_addr()).await?;
    let health = service::listen(config.health_addr()).await?;
    let process_end = CancellationToken::new();
    tokio::spawn(health::serve(health, service.readiness(stop.clone()), process_end));
    Ok(service.run(listener, stop).await?)
}

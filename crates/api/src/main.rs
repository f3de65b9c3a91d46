//! The `postrider-api` binary: parse, log, build, bind, run, drain.

use clap::Parser as _;
use postrider_api::{Api, Config};
use postrider_common::metrics::Metrics;
use postrider_common::telemetry::TelemetryConfig;
use postrider_common::{service, shutdown, telemetry};
use std::error::Error;
use std::process::ExitCode;

/// The REST API of Postrider
#[derive(clap::Parser)]
#[command(version)]
struct Cli {
    #[command(flatten)]
    config: Config,
    #[command(flatten)]
    telemetry: TelemetryConfig,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    service::run(serve(cli))
}

async fn serve(cli: Cli) -> Result<(), Box<dyn Error>> {
    telemetry::init(&cli.telemetry, env!("CARGO_BIN_NAME"))?;
    let shutdown = shutdown::on_signal()?;
    let api = Api::build(&cli.config, &Metrics::new())?;
    let listener = service::listen(cli.config.http_addr).await?;
    tracing::info!(address = %listener.local_addr()?, "the API listens");
    api.run(listener, shutdown).await;
    Ok(())
}

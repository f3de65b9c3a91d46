//! `postrider-dispatcher`: sends what is owed.

use clap::Parser;
use postrider_common::metrics::Metrics;
use postrider_common::telemetry::{self, TelemetryConfig};
use postrider_common::{service, shutdown};
use postrider_dispatcher::{Config, Dispatcher};
use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;

const DEFAULT_HEALTH_ADDR: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 9465);

/// Sends the webhooks that Postrider owes: consumes, claims, signs, sends, settles, retries
#[derive(Parser)]
#[command(name = "postrider-dispatcher", version)]
struct Cli {
    #[command(flatten)]
    telemetry: TelemetryConfig,
    #[command(flatten)]
    config: Config,
}

fn main() -> ExitCode {
    service::run(start(Cli::parse()))
}

async fn start(cli: Cli) -> Result<(), Box<dyn Error>> {
    telemetry::init(&cli.telemetry, env!("CARGO_BIN_NAME"))?;
    let shutdown = shutdown::on_signal()?;
    let dispatcher = Dispatcher::build(&cli.config, &Metrics::new())?;
    let health = cli.config.health.metrics_addr.unwrap_or(DEFAULT_HEALTH_ADDR);
    dispatcher.run(service::listen(health).await?, shutdown).await;
    Ok(())
}

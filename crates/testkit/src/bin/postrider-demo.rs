//! `postrider-demo`: watch events being delivered by a running stack. The story is told in
//! `postrider_testkit::demo`; this reads where the stack is, and minds Ctrl-C.

use clap::Parser;
use postrider_testkit::demo;
use std::process::ExitCode;

/// Publishes events to a running stack and shows them arrive, signed, at a receiver of its own.
///
/// The services must be allowed to send to loopback (`POSTRIDER_EGRESS_ALLOW`).
#[derive(Parser)]
struct Options {
    /// Where postrider-ingest listens
    #[arg(long, env = "POSTRIDER_GRPC_ADDR", value_name = "ADDR:PORT")]
    grpc_addr: String,
    /// Where postrider-api listens
    #[arg(long, env = "POSTRIDER_HTTP_ADDR", value_name = "ADDR:PORT")]
    http_addr: String,
    /// The admin key of the services
    #[arg(long, env = "POSTRIDER_ADMIN_KEY", hide_env_values = true, value_name = "KEY")]
    admin_key: String,
    /// The tenant to make for it [default: demo- and a random number]
    #[arg(long, value_name = "ID")]
    tenant: Option<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let stack = demo::RunningStack {
        grpc_url: format!("http://{}", options.grpc_addr),
        http_url: format!("http://{}", options.http_addr),
        admin_key: options.admin_key,
        tenant: options.tenant.unwrap_or_else(|| format!("demo-{:08x}", rand::random::<u32>())),
    };
    let mut screen = demo::Screen::stdout();
    tokio::select! {
        told = demo::run(&stack, &mut screen) => match told {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(&error),
        },
        _ = tokio::signal::ctrl_c() => ExitCode::from(130),
    }
}

#[expect(clippy::print_stderr, reason = "it is how a command says why it failed")]
fn failed(error: &demo::DemoError) -> ExitCode {
    eprintln!("\nerror: {}", postrider_common::service::chain(error));
    ExitCode::FAILURE
}

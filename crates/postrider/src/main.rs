//! The command line, `postrider`: parses what was typed and runs that command to its end.
//!
//! What can be typed stands in `cli`, what each command does in `commands`. The three services are
//! binaries of their own.

mod call;
mod cli;
mod clock;
mod commands;
mod escape;
mod output;
mod rest;
mod secret_input;
mod server;
mod verifier;

use clap::Parser as _;
use std::convert::Infallible;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    postrider_common::service::run(async { Ok::<_, Infallible>(Box::pin(cli.run()).await) })
}

//! The command line, `postrider`: parses what was typed and runs that command to its end.
//!
//! What can be typed stands in `cli`, what each command does in `commands`. The three services are
//! binaries of their own.

mod cli;
mod commands;

use clap::Parser as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    postrider_common::service::run(cli.run())
}

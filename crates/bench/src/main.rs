//! `postrider-bench`: measures a running stack. `scripts/bench` starts the stack, tells this where it
//! is, and takes it down again; `docs/performance.md` says what the figures mean.

mod bench;
mod ceiling;
mod customer;
mod error;
mod figures;
mod findings;
mod load;
mod machine;
mod measurement;
mod options;
mod payload;
mod proto;
mod receiver;
mod report;
mod rest;
mod scenario;
mod table;
mod throughput;
mod usage;

use clap::Parser as _;
use options::Options;
use std::process::ExitCode;

fn main() -> ExitCode {
    match bench::run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.tell(),
    }
}

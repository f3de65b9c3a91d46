//! `postrider-bench`: measures a running stack. `scripts/bench` starts the stack, tells this where it
//! is, and takes it down again; `docs/performance.md` says what the figures mean.

mod bench;
mod ceiling;
mod customer;
mod error;
mod figures;
mod load;
mod machine;
mod options;
mod payload;
mod proto;
mod receiver;
mod report;
mod rest;
mod scenario;
mod table;
mod usage;

use clap::Parser as _;
use options::Options;
use std::process::ExitCode;

fn main() -> ExitCode {
    let options = Options::parse();
    let measured = bench::run(&options).and_then(|report| {
        table::print(&report)?;
        report.write(&options.json)
    });
    match measured {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.tell(),
    }
}

//! What the bench is told: where the stack is, which processes are part of it, how long to measure.

use crate::scenario::Scenario;
use clap::{Args, Parser};
use std::path::PathBuf;
use std::time::Duration;

/// Measures a running stack; `make bench` starts one and calls this.
///
/// The stack must be allowed to send to loopback (`POSTRIDER_EGRESS_ALLOW`).
#[derive(Parser, Clone, Debug)]
pub(crate) struct Options {
    /// What is measured
    #[arg(long, value_enum, default_value_t = Scenario::Throughput, value_name = "NAME")]
    pub(crate) scenario: Scenario,
    /// What the figures are filed under: distributed or embedded
    #[arg(long, value_name = "NAME")]
    pub(crate) stack: String,
    #[command(flatten)]
    pub(crate) address: Address,
    /// Where a dispatcher shows its metrics, for `rate`; repeatable
    #[arg(long = "dispatcher", value_name = "ADDR:PORT")]
    pub(crate) dispatchers: Vec<String>,
    /// The stack's PostgreSQL, for `rate`, and for `size` and `retention` on the distributed stack
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub(crate) database_url: Option<String>,
    /// A process whose CPU time and memory are part of the figures, with its children; repeatable
    #[arg(long = "process", value_name = "NAME=PID", value_parser = named_pid)]
    pub(crate) processes: Vec<(String, u32)>,
    /// Where the stack keeps its data, to describe the disk
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: PathBuf,
    /// Where the figures are written as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) json: PathBuf,
    /// How often each figure of `throughput` is measured; the median counts
    #[arg(long, env = "ROUNDS", default_value_t = 3, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..=20))]
    pub(crate) rounds: u32,
    /// Seconds for which `throughput` puts load on in one measurement; twice as many at a steady rate
    #[arg(long, env = "SECONDS_EACH", default_value_t = 2, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..=60))]
    pub(crate) seconds: u32,
    /// Only the measurements of `throughput` whose names contain this
    #[arg(long, env = "ONLY", default_value = "", value_name = "TEXT", hide_default_value = true)]
    pub(crate) only: String,
    /// A short run with little load, to see that it works
    #[arg(long)]
    pub(crate) quick: bool,
}

/// Where the stack is. `size` and `retention` need none.
#[derive(Args, Clone, Debug)]
pub(crate) struct Address {
    /// Where events are accepted
    #[arg(long, env = "POSTRIDER_GRPC_ADDR", value_name = "ADDR:PORT")]
    pub(crate) grpc_addr: Option<String>,
    /// Where the REST API answers
    #[arg(long, env = "POSTRIDER_HTTP_ADDR", value_name = "ADDR:PORT")]
    pub(crate) http_addr: Option<String>,
    /// The admin key of the stack
    #[arg(long, env = "POSTRIDER_ADMIN_KEY", hide_env_values = true, value_name = "KEY")]
    pub(crate) admin_key: Option<String>,
}

impl Options {
    /// How many rounds there are.
    pub(crate) fn rounds(&self) -> u32 {
        if self.quick { 1 } else { self.rounds }
    }

    /// For how long load is put on in one measurement.
    pub(crate) fn load_for(&self) -> Duration {
        Duration::from_secs(if self.quick { 1 } else { u64::from(self.seconds) })
    }

    /// How much of something, in a run that counts or in one that only shows that it works.
    pub(crate) fn amount(&self, full: u64, quick: u64) -> u64 {
        if self.quick { quick } else { full }
    }
}

fn named_pid(text: &str) -> Result<(String, u32), String> {
    let (name, pid) = text.split_once('=').ok_or("has no `=`")?;
    Ok((name.to_owned(), pid.parse().map_err(|_| "is not a process id")?))
}

//! The scenarios: what one run of the bench is about. `throughput` stands by itself; the others are
//! here, a file each, and tell figures with aims.

mod burst;
mod database;
mod hanging;
mod latency;
mod rate;
mod retention;
mod returning;
mod size;

use crate::bench::Setting;
use crate::error::BenchError;
use crate::findings::Findings;
use crate::receiver::Signed;
use crate::throughput;
use clap::ValueEnum;
use std::fmt;
use std::time::Duration;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// Throughput, latency and cost, against the ceiling
    Throughput,
    /// One endpoint of ten hangs
    Hanging,
    /// One tenant publishes 100,000 events at once, another one now and then
    Burst,
    /// An endpoint comes back to 100,000 due deliveries
    Returning,
    /// A rate limit with two dispatchers
    Rate,
    /// Feeding and claiming in a large database, without services
    Size,
    /// Old days are removed beside steady traffic, without services
    Retention,
}

impl Scenario {
    /// How many targets its receiver has, and how what they get is signed.
    pub(crate) fn receives(self) -> (usize, Signed) {
        match self {
            Self::Throughput => (throughput::TARGETS, Signed::ByDefault),
            Self::Hanging => (hanging::TARGETS, Signed::ByDefault),
            Self::Burst => (burst::TARGETS, Signed::ByDefault),
            Self::Returning => (returning::TARGETS, Signed::ByDefault),
            Self::Rate => (rate::TARGETS, Signed::Otherwise),
            Self::Size | Self::Retention => (0, Signed::Otherwise),
        }
    }

    /// When it counts as stuck.
    pub(crate) fn longest(self) -> Duration {
        Duration::from_mins(match self {
            Self::Rate => 6,
            Self::Hanging | Self::Burst => 10,
            Self::Returning => 25,
            Self::Throughput | Self::Size | Self::Retention => 60,
        })
    }

    /// Runs it; what `throughput` comes to has another form.
    pub(crate) async fn run(self, setting: &Setting<'_>) -> Result<Findings, BenchError> {
        match self {
            Self::Throughput => Ok(Findings::default()),
            Self::Hanging => hanging::run(setting).await,
            Self::Burst => burst::run(setting).await,
            Self::Returning => returning::run(setting).await,
            Self::Rate => rate::run(setting).await,
            Self::Size => size::run(setting).await,
            Self::Retention => retention::run(setting).await,
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Throughput => "throughput",
            Self::Hanging => "hanging",
            Self::Burst => "burst",
            Self::Returning => "returning",
            Self::Rate => "rate",
            Self::Size => "size",
            Self::Retention => "retention",
        })
    }
}

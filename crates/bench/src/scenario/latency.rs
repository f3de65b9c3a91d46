//! Latencies as the scenarios tell them.

use crate::error::BenchError;
use crate::figures::count;
use crate::findings::Findings;
use crate::load::steady;
use std::time::Duration;

/// When nothing has arrived for so long, what is missing is lost.
pub(super) const SILENCE: Duration = Duration::from_secs(20);

/// A distribution, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Latency {
    pub(super) p50: f64,
    pub(super) p99: f64,
    pub(super) max: f64,
}

impl Latency {
    /// The distribution of these.
    pub(super) fn of(durations: impl IntoIterator<Item = Duration>) -> Result<Self, BenchError> {
        let histogram = steady::histogram(durations)?;
        let ms = |us: u64| count(us) / 1e3;
        Ok(Self {
            p50: ms(histogram.value_at_quantile(0.5)),
            p99: ms(histogram.value_at_quantile(0.99)),
            max: ms(histogram.max()),
        })
    }

    /// Tells median, 99th percentile and maximum.
    pub(super) fn tell(&self, findings: &mut Findings, what: &str) {
        findings.tell(format!("{what}, p50"), self.p50, "ms");
        findings.tell(format!("{what}, p99"), self.p99, "ms");
        findings.tell(format!("{what}, max"), self.max, "ms");
    }
}

//! The figures of all rounds, their medians, and what they come to against the ceiling.

use crate::error::BenchError;
use crate::figures::Figures;
use crate::machine::Machine;
use crate::measurement::Measurement;
use crate::options::Options;
use crate::payload;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// What is to be reached of what the machine can sign and send alone.
pub(crate) const AIMS: [(Measurement, f64); 2] =
    [(Measurement::Unary { endpoints: 1 }, 0.10), (Measurement::Stream { endpoints: 1 }, 0.25)];

/// Everything that was measured on one stack.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) stack: String,
    pub(crate) rounds: u32,
    pub(crate) seconds_each: u64,
    pub(crate) payload_bytes: usize,
    pub(crate) machine: Machine,
    pub(crate) measured: Vec<Summary>,
    /// Bytes.
    pub(crate) peak_memory: BTreeMap<String, u64>,
}

/// One measurement in all rounds.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) measurement: Measurement,
    pub(crate) rounds: Vec<Figures>,
}

impl Measured {
    /// Before the first round.
    pub(crate) fn nothing_yet(measurement: Measurement) -> Self {
        Self { measurement, rounds: Vec::new() }
    }
}

/// One measurement as it is reported.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    #[serde(serialize_with = "by_name")]
    pub(crate) measurement: Measurement,
    /// Deliveries a second against those of signing and sending alone.
    pub(crate) of_ceiling: Option<f64>,
    pub(crate) median: Figures,
    pub(crate) rounds: Vec<Figures>,
}

impl Report {
    /// Puts together what was measured.
    pub(crate) fn new(
        options: &Options,
        machine: Machine,
        peak_memory: BTreeMap<String, u64>,
        measured: Vec<Measured>,
    ) -> Self {
        let median = |one: &Measured| Figures::median(&one.rounds);
        let send = measured.iter().find(|one| one.measurement == Measurement::Send).map(median);
        let ceiling = send.and_then(|figures| figures.get("delivered_per_s"));
        let summaries = measured.into_iter().map(|one| {
            let median = median(&one);
            let delivered = median.get("delivered_per_s").zip(ceiling);
            let compared = !one.measurement.is_ceiling() && !one.measurement.is_steady();
            let of_ceiling = delivered.filter(|_| compared).map(|(one, ceiling)| one / ceiling);
            Summary { measurement: one.measurement, of_ceiling, median, rounds: one.rounds }
        });
        Self {
            stack: options.stack.clone(),
            rounds: options.rounds(),
            seconds_each: options.load_for().as_secs(),
            payload_bytes: payload::BYTES,
            machine,
            measured: summaries.collect(),
            peak_memory,
        }
    }
}

/// Writes figures as JSON.
pub(crate) fn write(figures: &impl Serialize, path: &Path) -> Result<(), BenchError> {
    let text = serde_json::to_string_pretty(figures).map_err(io::Error::other);
    text.and_then(|text| std::fs::write(path, text + "\n")).map_err(BenchError::Output)
}

fn by_name<S: Serializer>(measurement: &Measurement, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(measurement)
}

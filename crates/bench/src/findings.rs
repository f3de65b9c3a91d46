//! What a scenario found: figures with their aims, in the order in which they are to be read. The
//! throughput scenario, which compares many measurements, has a report of its own.

use crate::machine::Machine;
use serde::Serialize;
use std::collections::BTreeMap;

/// What is to be reached.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Aim {
    AtMost(f64),
    AtLeast(f64),
}

/// One figure.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Finding {
    pub(crate) what: String,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    pub(crate) aim: Option<Aim>,
}

/// The figures of a scenario.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub(crate) struct Findings(Vec<Finding>);

/// Everything that one scenario found on one stack.
#[derive(Debug, Serialize)]
pub(crate) struct FindingsReport {
    pub(crate) stack: String,
    pub(crate) scenario: String,
    pub(crate) machine: Machine,
    pub(crate) findings: Findings,
    /// Seconds, over the whole scenario.
    pub(crate) cpu_s: BTreeMap<String, f64>,
    /// Bytes.
    pub(crate) peak_memory: BTreeMap<String, u64>,
}

impl Finding {
    /// Whether it misses its aim.
    pub(crate) fn misses(&self) -> bool {
        match self.aim {
            Some(Aim::AtMost(limit)) => self.value > limit,
            Some(Aim::AtLeast(limit)) => self.value < limit,
            None => false,
        }
    }
}

impl Findings {
    /// With one more figure.
    pub(crate) fn tell(&mut self, what: impl Into<String>, value: f64, unit: &'static str) {
        self.0.push(Finding { what: what.into(), value, unit, aim: None });
    }

    /// With one more figure that has an aim.
    pub(crate) fn judge(
        &mut self,
        what: impl Into<String>,
        value: f64,
        unit: &'static str,
        aim: Aim,
    ) {
        self.0.push(Finding { what: what.into(), value, unit, aim: Some(aim) });
    }

    /// All of them, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Finding> {
        self.0.iter()
    }
}

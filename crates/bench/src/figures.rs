//! Figures by name, and the median of several rounds.

use serde::Serialize;
use std::collections::BTreeMap;

/// What one measurement came to. Names carry their unit.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub(crate) struct Figures(BTreeMap<String, f64>);

impl Figures {
    /// With one more figure.
    pub(crate) fn set(&mut self, name: impl Into<String>, value: f64) {
        self.0.insert(name.into(), value);
    }

    /// A figure, if it was measured.
    pub(crate) fn get(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }

    /// The figures whose names begin so, without that beginning.
    pub(crate) fn below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
        let figures = self.0.iter();
        figures.filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, *value)))
    }

    /// The median of each figure; of an even number of rounds, the mean of the two in the middle.
    pub(crate) fn median(rounds: &[Self]) -> Self {
        let mut by_name: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for (name, value) in rounds.iter().flat_map(|round| &round.0) {
            by_name.entry(name).or_default().push(*value);
        }
        let medians = by_name.into_iter().map(|(name, mut values)| {
            values.sort_by(f64::total_cmp);
            let (low, high) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
            (name.to_owned(), f64::midpoint(low, high))
        });
        Self(medians.collect())
    }
}

/// A count as a figure.
#[expect(clippy::cast_precision_loss, reason = "counts of one measurement are exact in an f64")]
pub(crate) fn count(count: u64) -> f64 {
    count as f64
}

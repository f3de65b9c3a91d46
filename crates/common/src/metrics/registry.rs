//! The registry of one process.

use super::process::Process;
use super::{Counters, Histogram, Histograms, Labels};
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry};
use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What the names of all of our metrics start with; those of the process have their customary names.
const PREFIX: &str = "postrider";

/// Everything that is measured in a process. Clones share it.
#[derive(Clone)]
pub struct Metrics(Arc<Mutex<Registered>>);

struct Registered {
    process: Registry,
    ours: Registry,
    /// By the names that they were registered under.
    known: BTreeMap<&'static str, Box<dyn Any + Send>>,
    /// As they are shown.
    names: Vec<String>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// The metrics of a process, which say of themselves what it is and what it uses.
    pub fn new() -> Self {
        let mut process = Registry::default();
        process.register_collector(Box::new(Process::new()));
        let mut ours = Registry::with_prefix(PREFIX);
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        ours.register("build", "Which Postrider this is", build);
        let mut names = vec![format!("{PREFIX}_build_info")];
        names.extend(Process::NAMES.map(str::to_owned));
        Self(Arc::new(Mutex::new(Registered { process, ours, known: BTreeMap::new(), names })))
    }

    /// Registers a metric under a name without prefix, and without `_total` for a counter. `help` is
    /// a sentence without its full stop. Of several metrics of one name and type the first counts,
    /// and everybody gets that one.
    pub fn register<M: Metric + Clone>(
        &self,
        name: &'static str,
        help: &'static str,
        metric: M,
    ) -> M {
        let mut registered = self.lock();
        if let Some(known) = registered.known.get(name) {
            return known.downcast_ref().cloned().unwrap_or_else(|| {
                tracing::error!(name, "two kinds of metric have one name; the second is not shown");
                metric
            });
        }
        let suffix = if metric.metric_type().as_str() == "counter" { "_total" } else { "" };
        registered.names.push(format!("{PREFIX}_{name}{suffix}"));
        registered.ours.register(name, help, metric.clone());
        registered.known.insert(name, Box::new(metric.clone()));
        metric
    }

    /// Registers a counter.
    pub fn counter(&self, name: &'static str, help: &'static str) -> Counter {
        self.register(name, help, Counter::default())
    }

    /// Registers a counter for each of the values that its labels may have together, each at zero
    /// and found by a key.
    pub fn counters<K: Eq + Hash, const N: usize>(
        &self,
        name: &'static str,
        help: &'static str,
        labels: [&'static str; N],
        values: impl IntoIterator<Item = (K, [&'static str; N])>,
    ) -> Counters<K> {
        let family = self.register(name, help, Family::<Labels<N>, Counter>::default());
        let counter = |values: [&'static str; N]| {
            family.get_or_create_owned(&std::array::from_fn(|n| (labels[n], values[n])))
        };
        values.into_iter().map(|(key, values)| (key, counter(values))).collect()
    }

    /// Registers histograms of one kind that differ in their labels.
    pub fn histograms<const N: usize>(
        &self,
        name: &'static str,
        help: &'static str,
        one: fn() -> Histogram,
    ) -> Histograms<N> {
        self.register(name, help, Family::new_with_constructor(one))
    }

    /// The names of everything that may be shown, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names = self.lock().names.clone();
        names.sort_unstable();
        names
    }

    /// All of it as OpenMetrics text.
    ///
    /// # Errors
    ///
    /// None that writing into a text could have.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        let registered = self.lock();
        encode_registry(&mut text, &registered.process)?;
        encode_registry(&mut text, &registered.ours)?;
        encode_eof(&mut text)?;
        Ok(text)
    }

    fn lock(&self) -> MutexGuard<'_, Registered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Metrics").field(&self.names()).finish()
    }
}

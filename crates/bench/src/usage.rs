//! CPU time and memory of everything that takes part: the stack's processes with their children, and
//! within the bench, what puts load on and what receives.

mod process;

use crate::error::BenchError;
use crate::options::Options;
use crate::receiver;
use process::Family;
use std::collections::BTreeMap;
use std::time::Duration;

/// The name under which the bench's own load stands.
pub(crate) const LOAD: &str = "load";

/// Whose usage is looked at.
pub(crate) struct Usage {
    families: Vec<Family>,
}

/// CPU time so far, by name.
pub(crate) struct CpuTime(BTreeMap<String, Duration>);

impl Usage {
    /// Looks at the processes that the options name.
    pub(crate) fn of(options: &Options) -> Self {
        let families = options.processes.iter().map(|(name, pid)| Family::new(name, *pid));
        Self { families: families.collect() }
    }

    /// CPU time so far.
    pub(crate) fn cpu_time(&self) -> Result<CpuTime, BenchError> {
        let mut by_name = BTreeMap::new();
        for family in &self.families {
            by_name.insert(family.name().to_owned(), family.cpu_time()?);
        }
        let receiving = process::own_threads(receiver::THREADS)?;
        by_name.insert(LOAD.to_owned(), process::own()?.saturating_sub(receiving));
        by_name.insert(receiver::THREADS.to_owned(), receiving);
        Ok(CpuTime(by_name))
    }

    /// The most memory that each has had, in bytes, as far as this process may know.
    pub(crate) fn peak_memory(&mut self) -> BTreeMap<String, u64> {
        let families = self.families.iter_mut();
        families.filter_map(|family| Some((family.name().to_owned(), family.memory()?))).collect()
    }
}

impl CpuTime {
    /// What has been used since an earlier look, by name.
    pub(crate) fn since<'a>(
        &'a self,
        before: &'a Self,
    ) -> impl Iterator<Item = (&'a str, Duration)> {
        self.0.iter().map(|(name, time)| {
            let before = before.0.get(name).copied().unwrap_or_default();
            (name.as_str(), time.saturating_sub(before))
        })
    }
}

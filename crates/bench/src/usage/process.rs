//! Processes and threads as `/proc` shows them (proc(5)).

use crate::error::BenchError;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a clock tick in `/proc` lasts: `USER_HZ` is 100 on every Linux.
const TICK: Duration = Duration::from_millis(10);

/// A process with its children: a service, or an engine as a whole.
pub(super) struct Family {
    name: String,
    pid: u32,
    peak: u64,
}

impl Family {
    pub(super) fn new(name: &str, pid: u32) -> Self {
        Self { name: name.to_owned(), pid, peak: 0 }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The CPU time of all its processes, those that have ended included.
    pub(super) fn cpu_time(&self) -> Result<Duration, BenchError> {
        let root =
            Stat::of(self.pid).ok_or_else(|| BenchError::Gone(self.name.clone(), self.pid))?;
        let children = descendants(self.pid).into_iter().filter_map(Stat::of);
        Ok(root.own + root.ended + children.map(|child| child.own).sum::<Duration>())
    }

    /// The most memory so far, in bytes: of one process its high-water mark; of several the sum of
    /// their proportional shares, as often as this was called.
    pub(super) fn memory(&mut self) -> Option<u64> {
        let children = descendants(self.pid);
        let now = if children.is_empty() {
            kib_in(&format!("/proc/{}/status", self.pid), "VmHWM:")
        } else {
            let all = children.into_iter().chain([self.pid]);
            all.map(|pid| kib_in(&format!("/proc/{pid}/smaps_rollup"), "Pss:")).sum()
        };
        self.peak = self.peak.max(now? * 1024);
        Some(self.peak)
    }
}

/// The CPU time of this process.
pub(super) fn own() -> Result<Duration, BenchError> {
    let own = Stat::of(std::process::id());
    Ok(own.ok_or_else(|| BenchError::Gone("bench".to_owned(), std::process::id()))?.own)
}

/// The CPU time of this process's threads whose names begin so.
pub(super) fn own_threads(name: &str) -> Result<Duration, BenchError> {
    let folder = PathBuf::from("/proc/self/task");
    let threads = fs::read_dir(&folder);
    let threads = threads.map_err(|error| BenchError::Unreadable(folder, error))?;
    let stats = threads.filter_map(|thread| Stat::at(&thread.ok()?.path().join("stat")));
    Ok(stats.filter(|stat| stat.name.starts_with(name)).map(|stat| stat.own).sum())
}

/// What `/proc/PID/stat` tells.
struct Stat {
    name: String,
    parent: u32,
    own: Duration,
    ended: Duration,
}

impl Stat {
    fn of(pid: u32) -> Option<Self> {
        Self::at(Path::new(&format!("/proc/{pid}/stat")))
    }

    fn at(path: &Path) -> Option<Self> {
        let text = fs::read_to_string(path).ok()?;
        // The name stands in parentheses, and may have some itself.
        let (start, rest) = text.rsplit_once(')')?;
        let (_, name) = start.split_once('(')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks = |field: usize| Some(TICK * fields.get(field)?.parse().ok()?);
        Some(Self {
            name: name.to_owned(),
            parent: fields.get(1)?.parse().ok()?,
            own: ticks(11)? + ticks(12)?,
            ended: ticks(13)? + ticks(14)?,
        })
    }
}

/// The children of a process, and theirs.
fn descendants(of: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().filter_map(|entry| {
        let pid = entry.ok()?.file_name().to_str()?.parse().ok()?;
        Some((pid, Stat::of(pid)?.parent))
    });
    let processes: Vec<(u32, u32)> = processes.collect();
    let mut found = Vec::new();
    let mut parents = vec![of];
    while let Some(parent) = parents.pop() {
        let children = processes.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid);
        let start = found.len();
        found.extend(children);
        parents.extend_from_slice(&found[start..]);
    }
    found
}

fn kib_in(path: &str, field: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    line.split_whitespace().next()?.parse().ok()
}

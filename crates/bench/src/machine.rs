//! What the figures were measured on: they mean nothing without it.

mod disk;
mod engines;

use crate::options::Options;
use disk::Disk;
use serde::Serialize;
use std::fs;
use std::process::{Command, Stdio};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A machine, its software, and how busy it was before.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) cores: usize,
    pub(crate) cpu: String,
    pub(crate) memory_mib: u64,
    pub(crate) kernel: String,
    pub(crate) disk: Disk,
    pub(crate) engines: Vec<String>,
    pub(crate) commit: String,
    pub(crate) date: String,
    /// The load average of the last minute before the first measurement.
    pub(crate) load_before: f64,
}

impl Machine {
    /// Looks around; what cannot be found out is said to be unknown.
    pub(crate) fn describe(options: &Options) -> Self {
        Self {
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            cpu: value_in("/proc/cpuinfo", "model name"),
            memory_mib: kib(&value_in("/proc/meminfo", "MemTotal")) / 1024,
            kernel: first_word("/proc/sys/kernel/osrelease"),
            disk: Disk::of(&options.data),
            engines: engines::versions(&options.processes),
            commit: commit(),
            date: today(),
            load_before: first_word("/proc/loadavg").parse().unwrap_or(f64::NAN),
        }
    }

    /// Whether others used the machine as well.
    #[expect(clippy::cast_precision_loss, reason = "nobody has that many cores")]
    pub(crate) fn is_busy(&self) -> bool {
        self.load_before > 0.5 * self.cores as f64
    }
}

/// The output of a command, if it succeeds.
fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn unknown() -> String {
    "unknown".to_owned()
}

fn value_in(path: &str, field: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let mut values = text.lines().filter_map(|line| line.strip_prefix(field)?.split_once(':'));
    values.next().map_or_else(unknown, |(_, value)| value.trim().to_owned())
}

fn kib(value: &str) -> u64 {
    value.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn first_word(path: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().next().map_or_else(unknown, str::to_owned)
}

/// The commit that was built, with a mark when the checkout has other changes.
fn commit() -> String {
    let commit = output("git", &["rev-parse", "--short", "HEAD"]).unwrap_or_else(unknown);
    let changed = output("git", &["status", "--porcelain"]).is_some_and(|text| !text.is_empty());
    if changed { format!("{commit} and changes") } else { commit }
}

#[expect(clippy::disallowed_methods, reason = "it is the date on a report")]
fn today() -> String {
    let now = OffsetDateTime::now_utc().truncate_to_second();
    now.format(&Rfc3339).unwrap_or_else(|_| unknown())
}

//! What every Prometheus client tells of its process, under the customary names: read when it is
//! asked for. What the operating system does not tell is left out.

use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage};
use nix::sys::time::TimeValLike as _;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use std::fmt;
use std::fs;
use std::time::{Duration, SystemTime};

/// The process that this runs in.
#[derive(Debug)]
pub(super) struct Process {
    started: Duration,
}

impl Process {
    /// The names of what is told.
    pub(super) const NAMES: [&str; 5] = [
        "process_start_time_seconds",
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "process_open_fds",
        "process_max_fds",
    ];

    /// A process that starts now.
    #[expect(clippy::disallowed_methods, reason = "when a process started is no delivery's time")]
    pub(super) fn new() -> Self {
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Self { started: since_1970.unwrap_or_default() }
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let mut tell = |name: &str, help: &str, metric: &dyn EncodeMetric| {
            metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)
        };
        let started = ConstGauge::new(self.started.as_secs_f64());
        tell("process_start_time_seconds", "When the process started, in Unix time.", &started)?;
        if let Some(seconds) = cpu_seconds() {
            let help = "Seconds of processor time that were used.";
            tell("process_cpu_seconds", help, &ConstCounter::new(seconds))?;
        }
        if let Some(bytes) = resident_bytes() {
            let help = "Bytes of memory that are resident.";
            tell("process_resident_memory_bytes", help, &ConstGauge::new(bytes))?;
        }
        if let Some(count) = open_files() {
            tell("process_open_fds", "File descriptors that are open.", &ConstGauge::new(count))?;
        }
        if let Ok((limit, _)) = getrlimit(Resource::RLIMIT_NOFILE) {
            let help = "File descriptors that may be open.";
            tell("process_max_fds", help, &ConstGauge::new(limit))?;
        }
        Ok(())
    }
}

/// User and system time together.
fn cpu_seconds() -> Option<f64> {
    let usage = getrusage(UsageWho::RUSAGE_SELF).ok()?;
    let used = usage.user_time() + usage.system_time();
    Some(Duration::from_micros(used.num_microseconds().try_into().ok()?).as_secs_f64())
}

/// `VmRSS` of `proc_pid_status(5)`, which is in KiB.
fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// The folder of `proc_pid_fd(5)` has one entry more while it is read.
fn open_files() -> Option<u64> {
    let entries = fs::read_dir("/proc/self/fd").ok()?.count();
    u64::try_from(entries.saturating_sub(1)).ok()
}

//! The versions of the engines, as their processes show them.

use super::output;
use std::fs;

/// The names of the engines' processes, as `scripts/bench` gives them.
const POSTGRESQL: &str = "postgresql";
const RABBITMQ: &str = "rabbitmq";

/// What runs, with versions as far as they can be found out.
pub(super) fn versions(processes: &[(String, u32)]) -> Vec<String> {
    let versions = processes.iter().filter_map(|(name, pid)| match name.as_str() {
        POSTGRESQL => postgresql(*pid),
        RABBITMQ => rabbitmq(),
        _ => None,
    });
    versions.collect()
}

fn postgresql(pid: u32) -> Option<String> {
    let program = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    let version = output(program.to_str()?, &["--version"])?;
    Some(version.replace("postgres (PostgreSQL)", "PostgreSQL"))
}

/// Neither the broker's program nor its arguments have the version; the folder that it is installed in has.
fn rabbitmq() -> Option<String> {
    let mut folders = fs::read_dir("/usr/lib/rabbitmq/lib").ok()?.flatten();
    folders.find_map(|folder| {
        let name = folder.file_name().into_string().ok()?;
        Some(format!("RabbitMQ {}", name.strip_prefix("rabbitmq_server-")?))
    })
}

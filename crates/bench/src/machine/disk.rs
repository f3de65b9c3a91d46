//! The disk below the stack's data: what it is, and how long it takes to promise something.

use serde::Serialize;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Instant;

const SYNCS: usize = 101;
const BLOCK: [u8; 8192] = [0; 8192];

/// A disk, as far as it can be found out.
#[derive(Debug, Serialize)]
pub(crate) struct Disk {
    pub(crate) file_system: String,
    pub(crate) kind: &'static str,
    /// The median of writing 8 KiB and waiting until the disk has it (fdatasync), in microseconds.
    pub(crate) sync_us: Option<f64>,
}

impl Disk {
    /// The disk that a folder is on.
    pub(super) fn of(folder: &Path) -> Self {
        let kind = kind(folder).unwrap_or("unknown");
        let file_system = file_system(folder).unwrap_or_else(super::unknown);
        Self { file_system, kind, sync_us: sync_us(folder) }
    }
}

/// What Linux takes it for.
fn kind(folder: &Path) -> Option<&'static str> {
    let device = fs::metadata(folder).ok()?.dev();
    // makedev(3): the major number in bits 8 to 19, the minor in 0 to 7 and 20 to 31.
    let (major, minor) = ((device >> 8) & 0xfff, (device & 0xff) | ((device >> 12) & 0xf_ff00));
    let disk = fs::canonicalize(format!("/sys/dev/block/{major}:{minor}")).ok()?;
    // A virtual machine's disk says what its host wants it to.
    if disk.components().any(|part| part.as_os_str().to_string_lossy().starts_with("virtio")) {
        return Some("virtual");
    }
    // A partition has no queue of its own.
    let files = ["queue/rotational", "../queue/rotational"];
    let text = files.iter().find_map(|file| fs::read_to_string(disk.join(file)).ok())?;
    Some(if text.trim() == "1" { "rotating" } else { "solid state" })
}

/// The type of the mount with the longest path above the folder.
fn file_system(folder: &Path) -> Option<String> {
    let folder = fs::canonicalize(folder).ok()?;
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    let mounts = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        Some((fields.next()?, fields.next()?))
    });
    let above = mounts.filter(|(path, _)| folder.starts_with(path));
    above.max_by_key(|(path, _)| path.len()).map(|(_, kind)| kind.to_owned())
}

fn sync_us(folder: &Path) -> Option<f64> {
    let path = folder.join("sync-probe");
    let times = File::create(&path).ok().and_then(sync_times);
    fs::remove_file(&path).ok()?;
    let mut times = times?;
    times.sort_by(f64::total_cmp);
    times.get(SYNCS / 2).copied()
}

fn sync_times(mut file: File) -> Option<Vec<f64>> {
    let mut times = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let began = Instant::now();
        file.write_all(&BLOCK).ok()?;
        file.sync_data().ok()?;
        times.push(began.elapsed().as_secs_f64() * 1e6);
    }
    Some(times)
}

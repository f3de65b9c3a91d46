//! The folder with the programs' logs and data: removed when the test went well, kept and named when not.

use super::program::{self, Program};
use std::fs;
use std::path::{Path, PathBuf};

pub(super) struct Logs {
    folder: PathBuf,
}

impl Logs {
    /// A new folder under `target/test-logs`.
    pub(super) fn new() -> Self {
        let name = format!("{}-{:08x}", std::process::id(), rand::random::<u32>());
        let folder = program::folder().join("../test-logs").join(name);
        fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        Self { folder: folder.canonicalize().unwrap_or(folder) }
    }

    /// The log file of a program.
    pub(super) fn of(&self, program: Program) -> PathBuf {
        self.folder.join(format!("{}.log", program.name()))
    }

    /// Where a program may keep its data.
    pub(super) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }
}

impl Drop for Logs {
    #[expect(clippy::print_stderr, reason = "whoever reads the test's failure needs the place")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the services' logs and data are kept in {}", self.folder.display());
        } else {
            // A folder that stays is in the way of nobody.
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// The last lines of a log.
pub(super) fn tail(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

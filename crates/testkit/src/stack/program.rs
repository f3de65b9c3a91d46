//! What a stack runs: a program per service, or one that is all of them.

use super::Service;
use crate::Pair;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// A program of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Program {
    Ingest,
    Dispatcher,
    Api,
    Standalone,
}

impl Program {
    /// The one that does the work of a service on the pair that the run is on.
    pub(super) fn of(service: Service) -> Self {
        match (Pair::of_this_run(), service) {
            (Pair::Embedded, _) => Self::Standalone,
            (Pair::Distributed, Service::Ingest) => Self::Ingest,
            (Pair::Distributed, Service::Dispatcher) => Self::Dispatcher,
            (Pair::Distributed, Service::Api) => Self::Api,
        }
    }

    /// What it is called.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ingest => "postrider-ingest",
            Self::Dispatcher => "postrider-dispatcher",
            Self::Api => "postrider-api",
            Self::Standalone => "postrider-standalone",
        }
    }

    /// How it is started.
    pub(super) fn command(self) -> tokio::process::Command {
        let (name, arguments): (_, &[&str]) = match self {
            Self::Standalone => ("postrider", &["standalone"]),
            service => (service.name(), &[]),
        };
        let mut command = tokio::process::Command::new(binary(name));
        command.args(arguments);
        command
    }
}

/// The path of one of our binaries, beside the test binary. If it is missing, and cargo runs the
/// tests, all are built; after a change of the product it is for `make build` to build them anew.
///
/// # Panics
///
/// When there is none.
pub fn binary(name: &str) -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    let path = folder().join(name);
    if !path.exists() {
        BUILT.get_or_init(|| build(&folder()));
    }
    assert!(path.exists(), "no {}: build it first, with `make build`", path.display());
    path
}

/// The folder of the binaries: the one above that of the test binary.
pub(super) fn folder() -> PathBuf {
    let test = std::env::current_exe().expect("a running binary has a path");
    let folder = test.ancestors().nth(2).expect("target/debug/deps/TEST");
    folder.to_owned()
}

/// Builds them as `make build` does.
fn build(folder: &Path) {
    let Some(cargo) = std::env::var_os("CARGO") else { return };
    let mut command = Command::new(cargo);
    command
        .args(["build", "--workspace", "--bins", "--features", "postrider-common/failpoints"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .arg("--target-dir")
        .args(folder.parent());
    if folder.ends_with("release") {
        command.arg("--release");
    }
    let built = command.status().unwrap_or_else(|error| panic!("cargo: {error}"));
    assert!(built.success(), "the binaries are not built: {built}");
}

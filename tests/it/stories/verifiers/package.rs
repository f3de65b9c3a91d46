//! The packages, by language: crates here, and those of npm and `PyPI` in processes, out of the folder that
//! `scripts/verifiers` installs them into.

use super::super::SOON;
use postrider_testkit::receiver::Received;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;

/// Something published that verifies a request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Verifier {
    /// A crate.
    Rust(Crate),
    /// A package of npm.
    Node(&'static str),
    /// A package of `PyPI`.
    Python(&'static str),
}

/// The crates.
#[derive(Clone, Copy, Debug)]
pub(super) enum Crate {
    StandardWebhooks,
    Svix,
}

/// The packages of other languages, ready to be asked.
pub(super) struct Packages {
    node: Program,
    python: Program,
}

impl Packages {
    pub(super) fn start() -> Self {
        let mut node = Command::new("node");
        // Its imports are found from the folder that it runs in.
        let code = include_str!("../../../receivers/verifiers/verify.mjs");
        node.args(["--input-type=module", "-e", code]);
        let mut python = Command::new(installed().join("venv/bin/python"));
        let code = include_str!("../../../receivers/verifiers/verify.py");
        python.args(["-c", code]);
        Self { node: Program::start(node), python: Program::start(python) }
    }

    /// Whether a package verifies a request with a secret, and if not, why.
    pub(super) async fn verify(
        &self,
        verifier: Verifier,
        secret: &str,
        request: &Received,
    ) -> Result<(), String> {
        match verifier {
            Verifier::Rust(package) => package.verify(secret, &request.body, &headers(request)),
            Verifier::Node(package) => self.node.verify(package, secret, request).await,
            Verifier::Python(package) => self.python.verify(package, secret, request).await,
        }
    }
}

impl Crate {
    fn verify(self, secret: &str, body: &[u8], headers: &HeaderMap) -> Result<(), String> {
        match self {
            Self::StandardWebhooks => standardwebhooks::Webhook::new(secret)
                .map_err(|error| error.to_string())?
                .verify(body, headers)
                .map_err(|error| error.to_string()),
            Self::Svix => svix::webhooks::Webhook::new(secret)
                .map_err(|error| error.to_string())?
                .verify(body, headers)
                .map_err(|error| error.to_string()),
        }
    }
}

/// A program that is asked a line and answers a line.
struct Program {
    pipes: Mutex<(ChildStdin, Lines<BufReader<ChildStdout>>)>,
    // Killed when it is dropped.
    _process: Child,
}

impl Program {
    fn start(mut command: Command) -> Self {
        let mut process = command
            .current_dir(installed())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let input = process.stdin.take().expect("its input");
        let output = BufReader::new(process.stdout.take().expect("its output")).lines();
        Self { pipes: Mutex::new((input, output)), _process: process }
    }

    async fn verify(&self, package: &str, secret: &str, request: &Received) -> Result<(), String> {
        let named = request.headers.iter();
        let headers: serde_json::Map<_, _> =
            named.map(|(name, value)| (name.to_lowercase(), json!(value))).collect();
        let body = hex::encode(&request.body);
        let question =
            json!({ "package": package, "secret": secret, "headers": headers, "body": body });
        let (input, output) = &mut *self.pipes.lock().await;
        input.write_all(format!("{question}\n").as_bytes()).await.expect("it reads");
        let answer = tokio::time::timeout(SOON, output.next_line()).await.expect("in time");
        let answer = answer.expect("a line").unwrap_or_else(|| panic!("{package}: it has ended"));
        let answer: Value = serde_json::from_str(&answer).expect("it speaks JSON");
        if answer["verified"] == true { Ok(()) } else { Err(answer["error"].to_string()) }
    }
}

/// The folder that the packages are in.
fn installed() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository");
    let folder = root.join(".dev/verifiers");
    assert!(folder.join("installed").exists(), "run scripts/verifiers first, as `make test` does");
    folder
}

fn headers(request: &Received) -> HeaderMap {
    let named = request.headers.iter().map(|(name, value)| {
        (HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap())
    });
    named.collect()
}

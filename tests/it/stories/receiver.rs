//! A receiver's program, in Node or in Python, with the code of one product's document.
//!
//! What is said to it and what it says is described at the top of `tests/receivers/node/receiver.js`.

use super::SOON;
use super::request::Request;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{Mutex, watch};
use tokio_util::task::AbortOnDropHandle;

/// What a receiver is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    Node,
    Python,
}

/// A program that listens until this is dropped.
pub(super) struct Receiver {
    commands: Mutex<ChildStdin>,
    said: watch::Receiver<Said>,
    _reading: AbortOnDropHandle<()>,
    // Killed when it is dropped, should it not have seen that its input ended.
    _process: Child,
}

/// What it has said so far.
#[derive(Debug, Default)]
struct Said {
    port: Option<u64>,
    requests: Vec<Request>,
    done: usize,
}

impl Language {
    pub(super) const ALL: [Self; 2] = [Self::Node, Self::Python];

    fn command(self, product: &str) -> Command {
        let (interpreter, program) = match self {
            Self::Node => ("node", "node/receiver.js"),
            Self::Python => ("python3", "python/receiver.py"),
        };
        let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("receivers");
        let mut command = Command::new(interpreter);
        command.env("PYTHONDONTWRITEBYTECODE", "1").arg(programs.join(program)).arg(product);
        command
    }
}

impl Receiver {
    /// Starts one with the code of a product's document. It knows no secret yet.
    pub(super) async fn start(language: Language, product: &str) -> Self {
        let mut process = language
            .command(product)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{language:?} is needed, in the PATH: {error}"));
        let commands = Mutex::new(process.stdin.take().expect("its input"));
        let (saying, said) = watch::channel(Said::default());
        let output = process.stdout.take().expect("its output");
        let reading = AbortOnDropHandle::new(tokio::spawn(listen(output, saying)));
        let receiver = Self { commands, said, _reading: reading, _process: process };
        receiver.wait_for("it listens", |said| said.port.is_some()).await;
        receiver
    }

    /// Where it listens, as in `http://127.0.0.1:40001`.
    pub(super) fn origin(&self) -> String {
        let port = self.said.borrow().port.expect("it was waited for");
        format!("http://127.0.0.1:{port}")
    }

    /// Verifies with this secret from now on.
    pub(super) async fn trust(&self, secret: &str) {
        self.command(&json!({ "secret": secret })).await;
    }

    /// Answers all requests with this status from now on, whatever the document's code says.
    pub(super) async fn answer(&self, status: u16) {
        self.command(&json!({ "answer": status })).await;
    }

    /// Answers the next requests so, one after the other; `None` leaves one without an answer.
    pub(super) async fn answer_next(&self, statuses: &[Option<u16>]) {
        for status in statuses {
            let answer = status.map_or_else(|| json!("hang"), |status| json!(status));
            self.command(&json!({ "answer": answer, "times": 1 })).await;
        }
    }

    /// Answers what the document's code answers again.
    pub(super) async fn recover(&self) {
        self.command(&json!({ "answer": null })).await;
    }

    /// All requests so far, once there are as many, and not one more.
    pub(super) async fn requests(&self, count: usize) -> Vec<Request> {
        self.wait_for(&format!("{count} requests come"), |said| said.requests.len() >= count).await;
        let requests = self.said.borrow().requests.clone();
        assert_eq!(requests.len(), count, "{requests:#?}");
        requests
    }

    /// The last request, once there are as many.
    pub(super) async fn request(&self, count: usize) -> Request {
        self.requests(count).await.pop().expect("at least one")
    }

    async fn command(&self, command: &Value) {
        let mut commands = self.commands.lock().await;
        let before = self.said.borrow().done;
        commands.write_all(format!("{command}\n").as_bytes()).await.expect("it reads");
        self.wait_for("it obeys", |said| said.done > before).await;
    }

    async fn wait_for(&self, what: &str, enough: impl Fn(&Said) -> bool) {
        let mut said = self.said.clone();
        let waited = tokio::time::timeout(SOON, said.wait_for(enough)).await;
        let said = self.said.borrow();
        let ended = waited.unwrap_or_else(|_| panic!("in time {what}: {said:#?}"));
        assert!(ended.is_ok(), "the program ended before {what}: {said:#?}");
    }
}

/// Reads what a program says until it ends.
async fn listen(output: ChildStdout, saying: watch::Sender<Said>) {
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let line: Value = serde_json::from_str(&line).expect("it speaks JSON");
        saying.send_modify(|said| {
            if let Some(request) = line.get("request") {
                said.requests.push(Request::of(request));
            } else if let Some(port) = line.get("port") {
                said.port = port.as_u64();
            } else {
                said.done += 1;
            }
        });
    }
}

//! `postrider` as a process of its own: no variables but those that are given, a folder of its own,
//! and no key in what it prints.

use crate::api::harness::Harness;
use axum::http::StatusCode;
use postrider_testkit::binary;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::{Output, Stdio};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio_util::sync::{CancellationToken, DropGuard};

/// A user with a folder, who sets variables and types commands.
pub(super) struct User {
    folder: TempDir,
    variables: Vec<(String, String)>,
    secrets: Vec<String>,
}

/// What a command said, and how it ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) code: i32,
    pub(super) out: String,
    pub(super) err: String,
}

impl User {
    /// A user with nothing.
    pub(super) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        Self { folder, variables: Vec::new(), secrets: Vec::new() }
    }

    /// Sets a variable for the commands that follow.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.unset(name);
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    pub(super) fn unset(&mut self, name: &str) {
        self.variables.retain(|(set, _)| set != name);
    }

    /// Whom the API knows by this key, which nothing may print from now on.
    pub(super) fn has_key(&mut self, key: &str) {
        self.keep_secret(key);
        self.set("POSTRIDER_KEY", key);
    }

    /// Fails every command from now on that prints this.
    pub(super) fn keep_secret(&mut self, secret: &str) {
        self.secrets.push(secret.to_owned());
    }

    /// A path in the user's folder.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a command.
    pub(super) async fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with_input(arguments, "").await
    }

    /// Runs a command that reads this.
    pub(super) async fn run_with_input(&self, arguments: &[&str], input: &str) -> Ended {
        let ended = self.run_revealing(arguments, input).await;
        for secret in &self.secrets {
            let shown = ended.out.contains(secret) || ended.err.contains(secret);
            assert!(!shown, "{arguments:?} shows a secret: {ended:?}");
        }
        ended
    }

    /// Runs a command that may print a secret.
    pub(super) async fn run_revealing(&self, arguments: &[&str], input: &str) -> Ended {
        let mut process = self.spawn(arguments);
        let mut stdin = process.stdin.take().unwrap();
        // A command that reads nothing may have ended already.
        let _ = stdin.write_all(input.as_bytes()).await;
        drop(stdin);
        Ended::of(process.wait_with_output().await.unwrap())
    }

    /// Starts a command, to be spoken with while it runs.
    pub(super) fn spawn(&self, arguments: &[&str]) -> Child {
        Command::new(binary("postrider"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap()
    }
}

impl Ended {
    /// What a process left.
    pub(super) fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// What it printed, once it has succeeded.
    pub(super) fn ok(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.out
    }

    /// The JSON that it printed.
    pub(super) fn json(self) -> Value {
        let out = self.ok();
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"))
    }

    /// What it complained of, once it has failed with this code and printed nothing.
    pub(super) fn failed(self, code: i32) -> String {
        assert_eq!(self.code, code, "{self:?}");
        assert_eq!(self.out, "", "{self:?}");
        self.err
    }
}

/// An API that listens for as long as this lives.
pub(super) struct Served {
    pub(super) harness: Harness,
    pub(super) url: String,
    _stop: DropGuard,
}

impl Served {
    pub(super) async fn start() -> Self {
        let harness = Harness::start().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        tokio::spawn(harness.api().run(listener, stop.clone()));
        Self { harness, url, _stop: stop.drop_guard() }
    }

    /// Makes a webhook for the tenant whose key this is, and gives its id.
    pub(super) async fn webhook(&self, key: &str) -> String {
        let url = json!({"url": "https://hooks.example.com/in"});
        let made = self.harness.with(key).post("/webhooks", url).await.of(StatusCode::CREATED);
        made["id"].as_str().unwrap().to_owned()
    }

    /// A user of this API with a key.
    pub(super) fn user(&self, key: &str) -> User {
        let mut user = User::new();
        user.set("POSTRIDER_API_URL", &self.url);
        user.has_key(key);
        user
    }
}

/// The words of each line of a table or record.
pub(super) fn words(text: &str) -> Vec<Vec<&str>> {
    text.lines().map(|line| line.split_whitespace().collect()).collect()
}

/// What stands beside a name in a record.
pub(super) fn field<'a>(record: &'a str, name: &str) -> &'a str {
    let line = record.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_else(|| panic!("no {name} in {record}")).trim()
}

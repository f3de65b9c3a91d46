//! One process of a stack.

use super::logs;
use super::program::Program;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::OpenOptions;
use std::path::PathBuf;
use std::process::{ExitStatus, Output, Stdio};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::Instant;

/// How long a service may take until it is ready.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// How often readiness is asked for: a process gives no signal of it.
const ASK_EVERY: Duration = Duration::from_millis(20);

/// A program's process. It is killed when it is dropped.
pub(super) struct Process {
    program: Program,
    child: Child,
    log: PathBuf,
    health_port: u16,
    spawned: Instant,
}

impl Process {
    /// Starts a program with these variables and none of the caller's that concern it.
    pub(super) fn spawn(
        program: Program,
        env: Vec<(String, String)>,
        log: PathBuf,
        health_port: u16,
    ) -> Self {
        let output = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .unwrap_or_else(|error| panic!("{}: {error}", log.display()));
        let errors = output.try_clone().expect("another handle of the log");
        let mut command = command(program, env);
        let spawned = Instant::now();
        let child = command.stdout(output).stderr(errors).spawn();
        let child = child.unwrap_or_else(|error| panic!("{}: {error}", program.name()));
        Self { program, child, log, health_port, spawned }
    }

    /// Waits until it says that it is ready, and gives how long it took from its start.
    pub(super) async fn wait_ready(&mut self) -> Duration {
        let ready = async {
            let mut ticks = tokio::time::interval(ASK_EVERY);
            loop {
                ticks.tick().await;
                if let Ok(Some(status)) = self.child.try_wait() {
                    return Err(status);
                }
                if is_ready(self.health_port).await {
                    return Ok(());
                }
            }
        };
        let problem = match tokio::time::timeout(READY_WITHIN, ready).await {
            Ok(Ok(())) => return self.spawned.elapsed(),
            Ok(Err(status)) => format!("ended with {status} before it was ready"),
            Err(_) => format!("is not ready after {READY_WITHIN:?}"),
        };
        panic!("{} {problem}; its log ends:\n{}", self.program.name(), logs::tail(&self.log));
    }

    pub(super) async fn kill9(mut self) {
        self.child.kill().await.expect("our own child can be killed");
    }

    pub(super) async fn terminate(self, within: Duration) -> ExitStatus {
        let pid = self.child.id().and_then(|pid| i32::try_from(pid).ok());
        let pid = pid.unwrap_or_else(|| panic!("{} has ended already", self.program.name()));
        kill(Pid::from_raw(pid), Signal::SIGTERM).expect("our own child can be told to stop");
        self.wait(within).await
    }

    pub(super) async fn wait(mut self, within: Duration) -> ExitStatus {
        let ended = tokio::time::timeout(within, self.child.wait()).await;
        let ended = ended.unwrap_or_else(|_| {
            let log = logs::tail(&self.log);
            panic!("{} still runs after {within:?}; its log ends:\n{log}", self.program.name())
        });
        ended.expect("our own child can be waited for")
    }
}

/// Runs a program to its end, which should be near.
pub(super) async fn run(program: Program, env: Vec<(String, String)>) -> Output {
    let output = command(program, env).output();
    let ended = tokio::time::timeout(READY_WITHIN, output).await;
    let ended = ended.unwrap_or_else(|_| panic!("{} runs on", program.name()));
    ended.unwrap_or_else(|error| panic!("{}: {error}", program.name()))
}

fn command(program: Program, env: Vec<(String, String)>) -> Command {
    let mut command = program.command();
    for (name, _) in std::env::vars() {
        let concerns = ["DATABASE_URL", "AMQP_URL", "FAILPOINTS"].contains(&name.as_str());
        if concerns || name.starts_with("POSTRIDER_") || name.starts_with("OTEL_") {
            command.env_remove(name);
        }
    }
    command
        .env("RUST_LOG", std::env::var("RUST_LOG").unwrap_or_else(|_| "info".to_owned()))
        .envs(env)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

/// Whether `/readyz` answers 200.
async fn is_ready(port: u16) -> bool {
    let asked = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream
            .write_all(b"GET /readyz HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")
            .await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    asked.await.is_ok_and(|answer| answer.starts_with(b"HTTP/1.1 200"))
}

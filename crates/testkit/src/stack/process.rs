//! One process of a stack.

use super::{Service, logs};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::OpenOptions;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

/// How long a service may take until it is ready.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// How often readiness is asked for: a process gives no signal of it.
const ASK_EVERY: Duration = Duration::from_millis(20);

/// A service's process. It is killed when it is dropped.
pub(super) struct Process {
    service: Service,
    child: Child,
    log: PathBuf,
    health_port: u16,
}

/// The folder of the binaries: the one above that of the test binary.
pub(super) fn binaries() -> PathBuf {
    let test = std::env::current_exe().expect("a running binary has a path");
    let folder = test.ancestors().nth(2).expect("target/debug/deps/TEST");
    folder.to_owned()
}

impl Process {
    /// Starts a service with these variables and none of the caller's that concern it.
    pub(super) fn spawn(
        service: Service,
        env: Vec<(String, String)>,
        log: PathBuf,
        health_port: u16,
    ) -> Self {
        let binary = binaries().join(service.binary());
        assert!(binary.exists(), "no {}: build it first, with `make build`", binary.display());
        let output = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .unwrap_or_else(|error| panic!("{}: {error}", log.display()));
        let errors = output.try_clone().expect("another handle of the log");
        let mut command = Command::new(binary);
        for (name, _) in std::env::vars() {
            if name.starts_with("POSTRIDER_") || name == "FAILPOINTS" {
                command.env_remove(name);
            }
        }
        let child = command
            .env("RUST_LOG", std::env::var("RUST_LOG").unwrap_or_else(|_| "info".to_owned()))
            .envs(env)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", service.binary()));
        Self { service, child, log, health_port }
    }

    /// Waits until it says that it is ready.
    pub(super) async fn wait_ready(&mut self) {
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
            Ok(Ok(())) => return,
            Ok(Err(status)) => format!("ended with {status} before it was ready"),
            Err(_) => format!("is not ready after {READY_WITHIN:?}"),
        };
        panic!("{} {problem}; its log ends:\n{}", self.service.binary(), logs::tail(&self.log));
    }

    pub(super) async fn kill9(mut self) {
        self.child.kill().await.expect("our own child can be killed");
    }

    pub(super) async fn terminate(self, within: Duration) -> ExitStatus {
        let pid = self.child.id().and_then(|pid| i32::try_from(pid).ok());
        let pid = pid.unwrap_or_else(|| panic!("{} has ended already", self.service.binary()));
        kill(Pid::from_raw(pid), Signal::SIGTERM).expect("our own child can be told to stop");
        self.wait(within).await
    }

    pub(super) async fn wait(mut self, within: Duration) -> ExitStatus {
        let ended = tokio::time::timeout(within, self.child.wait()).await;
        let ended = ended.unwrap_or_else(|_| {
            let log = logs::tail(&self.log);
            panic!("{} still runs after {within:?}; its log ends:\n{log}", self.service.binary())
        });
        ended.expect("our own child can be waited for")
    }
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

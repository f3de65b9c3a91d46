//! A RabbitMQ of its own that a test may stop and wipe without touching anybody else's, run by
//! `scripts/engines` in a folder below the instance's.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::process::Command;
use tokio::sync::{Mutex, MutexGuard};

/// One such broker exists per checkout, so tests take turns.
static TURN: Mutex<()> = Mutex::const_new(());

/// A RabbitMQ to break. It runs until the engines are taken down.
pub struct Rabbit {
    root: PathBuf,
    folder: String,
    url: String,
    _turn: MutexGuard<'static, ()>,
}

impl Rabbit {
    /// Waits for its turn, and starts the broker if it does not run.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub async fn up() -> Self {
        let turn = TURN.lock().await;
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let folder = std::env::var("POSTRIDER_DEV_DIR").unwrap_or_else(|_| ".dev".to_owned());
        let mut rabbit =
            Self { root, folder: format!("{folder}/faults"), url: String::new(), _turn: turn };
        rabbit.engines("up").await;
        rabbit.url = rabbit.url_from_env().await;
        rabbit
    }

    /// Its URL, the same for as long as it exists.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Stops it.
    ///
    /// # Panics
    ///
    /// When it does not stop.
    pub async fn stop(&self) {
        self.engines("stop-rabbitmq").await;
    }

    /// Starts it with what it had stored.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub async fn start(&self) {
        self.engines("start-rabbitmq").await;
    }

    /// Kills it, removes all that it has stored, and starts it empty.
    ///
    /// # Panics
    ///
    /// When it does not start again.
    pub async fn wipe(&self) {
        self.engines("wipe-rabbitmq").await;
    }

    /// The value of the line `export AMQP_URL=…`, as a shell reads it.
    async fn url_from_env(&self) -> String {
        let script = r#"eval "$(scripts/engines env)" && printf %s "$AMQP_URL""#;
        self.run("bash", &["-c", script]).await
    }

    async fn engines(&self, command: &str) {
        self.run("scripts/engines", &[command]).await;
    }

    async fn run(&self, program: &str, arguments: &[&str]) -> String {
        let output = Command::new(program)
            .args(arguments)
            .current_dir(&self.root)
            .env("POSTRIDER_DEV_DIR", &self.folder)
            .env("POSTRIDER_ENGINES", "rabbitmq")
            .stdin(Stdio::null())
            .output()
            .await
            .unwrap_or_else(|error| panic!("{program}: {error}"));
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {arguments:?}: {}\n{errors}", output.status);
        String::from_utf8(output.stdout).expect("the scripts print text")
    }
}

//! Stopping: a signal becomes a token, and a drain is bounded by one named grace period.

use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long a stopping service lets work in flight finish.
#[derive(clap::Args, Clone, Copy, Debug)]
pub struct ShutdownConfig {
    /// Seconds that work in flight gets to finish after SIGTERM; a dispatcher cuts off, and later
    /// repeats, requests that take longer
    #[arg(long, env = "POSTRIDER_SHUTDOWN_GRACE", default_value_t = 45, value_name = "SECONDS")]
    pub shutdown_grace: u64,
}

impl ShutdownConfig {
    /// The grace period.
    pub fn grace(&self) -> Duration {
        Duration::from_secs(self.shutdown_grace)
    }
}

/// A token that is cancelled by SIGTERM or SIGINT.
pub fn on_signal() -> std::io::Result<CancellationToken> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let token = CancellationToken::new();
    let cancel = token.clone();
    tokio::spawn(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        tracing::info!(signal = name, "stopping");
        cancel.cancel();
    });
    Ok(token)
}

/// Waits for `work` to end, for as long as the grace allows. Gives whether it ended by itself.
pub async fn drain(what: &str, grace: Duration, work: impl Future<Output = ()>) -> bool {
    let ended = tokio::time::timeout(grace, work).await.is_ok();
    if ended {
        tracing::info!(what, "drained");
    } else {
        tracing::warn!(what, grace_s = grace.as_secs(), "the grace ended before the work did");
    }
    ended
}

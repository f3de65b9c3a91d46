//! The time that an engine's answer takes which is slow in a test; nothing to wait for anything with.

use std::time::Duration;

/// Passes as long as the way to a slow engine takes.
pub async fn latency(of: Duration) {
    tokio::time::sleep(of).await;
}

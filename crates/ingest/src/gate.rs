//! Whether the broker takes messages now, as far as this process knows.
//!
//! A publish that fails closes the gate, and everything is accepted as `scheduled` until the broker
//! answers again: a broker that is away then costs its time-out once, not once per batch. Being
//! wrong either way loses nothing.

use postrider_broker::SharedBroker;
use postrider_common::metrics::Gauge;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// How long to wait before asking a broker that failed.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);

/// Open until a publish fails.
#[derive(Debug)]
pub(crate) struct Gate {
    open: AtomicBool,
    closed: Notify,
    /// Shows whether it is open.
    shown: Gauge,
}

impl Gate {
    pub(crate) fn new(shown: Gauge) -> Self {
        shown.set(1);
        Self { open: AtomicBool::new(true), closed: Notify::new(), shown }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.open.load(Ordering::Relaxed)
    }

    /// Closes the gate; `reason` is for the log, which gets it only if the gate was open.
    pub(crate) fn close(&self, reason: &str) {
        if self.open.swap(false, Ordering::Relaxed) {
            tracing::warn!(reason, "the broker does not take messages; accepting without it");
            self.shown.set(0);
            self.closed.notify_one();
        }
    }

    /// Opens the gate again whenever the broker answers. Never ends.
    pub(crate) async fn keep(&self, broker: SharedBroker) {
        loop {
            self.closed.notified().await;
            loop {
                tokio::time::sleep(PROBE_INTERVAL).await;
                if broker.ping().await.is_ok() {
                    break;
                }
            }
            self.shown.set(1);
            self.open.store(true, Ordering::Relaxed);
            tracing::info!("the broker answers again");
        }
    }
}

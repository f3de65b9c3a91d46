//! For how long a publisher goes on without an answer that settles anything, and how long it pauses
//! between its tries.

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use std::time::Duration;
use tokio::time::Instant;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// The shortest time for which answers are waited for on a connection that seems well.
const SHORTEST_WAIT: Duration = Duration::from_secs(10);

/// How much of it is left.
#[derive(Debug)]
pub(super) struct Patience {
    total: Duration,
    /// Since when nothing was settled.
    since: Instant,
    pauses: ExponentialBackoff,
}

impl Patience {
    /// Goes on for this long after whatever was settled last.
    pub(super) fn new(total: Duration) -> Self {
        Self { total, since: Instant::now(), pauses: pauses() }
    }

    /// Something was settled, or there was nothing to settle.
    pub(super) fn renew(&mut self) {
        self.since = Instant::now();
        self.pauses = pauses();
    }

    /// How long to pause before the next try, at least as long as the server asks for; nothing when it
    /// has been enough.
    pub(super) fn pause(&mut self, asked: Option<Duration>) -> Option<Duration> {
        let left = self.total.checked_sub(self.since.elapsed()).filter(|left| !left.is_zero())?;
        let pause = self.pauses.next().unwrap_or(LONGEST_PAUSE).max(asked.unwrap_or_default());
        Some(pause.min(left))
    }

    /// When answers are no longer waited for.
    pub(super) fn ends(&self) -> Instant {
        self.since + self.total.max(SHORTEST_WAIT)
    }
}

fn pauses() -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(FIRST_PAUSE)
        .with_max_delay(LONGEST_PAUSE)
        .with_jitter()
        .without_max_times()
        .build()
}

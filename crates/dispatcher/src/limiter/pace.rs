//! How long reservations take to be used just now, so that the next ones are made for long enough: a store
//! that is far away or slow makes limits a little tighter, and stops nobody.

use postrider_common::rate::{MOST_WITHIN, RateLimit};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How much longer than the last ones took the next may take.
const LEEWAY: u32 = 3;
/// The part by which a faster one makes it shorter again.
const DECAY: u64 = 8;

/// From the question to the start, lately. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Pace {
    micros: Arc<AtomicU64>,
}

impl Pace {
    /// Notes how long after its question a start could have been used.
    pub(super) fn note(&self, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let lately = self.micros.load(Ordering::Relaxed);
        let next = if took > lately { took } else { lately - (lately - took).div_ceil(DECAY) };
        self.micros.store(next, Ordering::Relaxed);
    }

    /// Within which time of its reservation a start will be used.
    pub(super) fn within(&self, limit: &RateLimit) -> Duration {
        let lately = Duration::from_micros(self.micros.load(Ordering::Relaxed));
        lately.saturating_mul(LEEWAY).clamp(limit.margin(), MOST_WITHIN)
    }
}

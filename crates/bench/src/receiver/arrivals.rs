//! Which deliveries of one measurement have arrived, and when.

use crate::error::BenchError;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How often it is looked whether all have arrived.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// The arrivals of one measurement. Times are nanoseconds after its start; 0 stands for never.
pub(crate) struct Arrivals {
    base: u64,
    targets: Range<usize>,
    began: Instant,
    at: Vec<AtomicU64>,
    count: AtomicU64,
    last: AtomicU64,
    repeated: AtomicU64,
    unverified: AtomicU64,
}

/// What has arrived when all has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrived {
    /// Deliveries, each counted once.
    pub(crate) deliveries: u64,
    /// Requests beyond the first of a delivery, and those of earlier measurements.
    pub(crate) repeated: u64,
    /// From the start to the last arrival.
    pub(crate) within: Duration,
}

impl Arrivals {
    /// Nothing has arrived yet.
    pub(crate) fn expect(base: u64, most: usize, targets: Range<usize>) -> Self {
        let at = std::iter::repeat_with(AtomicU64::default).take(most * targets.len());
        Self {
            base,
            at: at.collect(),
            targets,
            began: Instant::now(),
            count: AtomicU64::default(),
            last: AtomicU64::default(),
            repeated: AtomicU64::default(),
            unverified: AtomicU64::default(),
        }
    }

    /// When the measurement began.
    pub(crate) fn began(&self) -> Instant {
        self.began
    }

    /// The events that may be published.
    pub(crate) fn numbers(&self) -> Range<u64> {
        let most = self.at.len() / self.targets.len().max(1);
        self.base..self.base + u64::try_from(most).unwrap_or(u64::MAX)
    }

    /// Writes down that an event has arrived at a target.
    pub(super) fn record(&self, target: usize, number: u64) {
        let now = nanoseconds(self.began.elapsed()).max(1);
        let place = self.place(target, number).and_then(|place| self.at.get(place));
        let first = place.is_some_and(|at| {
            at.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        });
        if first {
            self.last.fetch_max(now, Ordering::Relaxed);
            self.count.fetch_add(1, Ordering::Release);
        } else {
            self.repeated.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Writes down that a signature does not verify.
    pub(super) fn record_unverified(&self) {
        self.unverified.fetch_add(1, Ordering::Relaxed);
    }

    /// Waits until this many events have arrived at all targets; gives up when nothing has arrived
    /// for so long.
    pub(crate) async fn wait(&self, events: u64, silence: Duration) -> Result<Arrived, BenchError> {
        let expected = events * u64::try_from(self.targets.len()).unwrap_or(u64::MAX);
        let (mut before, mut heard) = (0, Instant::now());
        loop {
            let count = self.count.load(Ordering::Acquire);
            if count >= expected {
                break;
            }
            if count > before {
                (before, heard) = (count, Instant::now());
            } else if heard.elapsed() >= silence {
                let waited_s = heard.elapsed().as_secs();
                return Err(BenchError::Lost { missing: expected - count, expected, waited_s });
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        match self.unverified.load(Ordering::Relaxed) {
            0 => Ok(Arrived {
                deliveries: expected,
                repeated: self.repeated.load(Ordering::Relaxed),
                within: Duration::from_nanos(self.last.load(Ordering::Relaxed)),
            }),
            unverified => Err(BenchError::Unverified(unverified)),
        }
    }

    /// How long after the start each of these events has arrived at the first target.
    pub(crate) fn first_target(&self, events: usize) -> impl Iterator<Item = Duration> {
        let at = self.at.iter().take(events);
        at.map(|at| Duration::from_nanos(at.load(Ordering::Relaxed)))
    }

    /// Where an arrival is written down: the targets' times one after the other.
    fn place(&self, target: usize, number: u64) -> Option<usize> {
        if !self.targets.contains(&target) || !self.numbers().contains(&number) {
            return None;
        }
        let most = self.at.len() / self.targets.len();
        let number = usize::try_from(number - self.base).ok()?;
        Some((target - self.targets.start) * most + number)
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

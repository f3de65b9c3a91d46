//! Which deliveries of one measurement have arrived, and when.

use crate::error::BenchError;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How often it is looked whether all have arrived.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Which endpoints of a customer an event goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// To all of them.
    ToEach,
    /// To one, in turn by the event's number.
    InTurn,
}

impl Route {
    /// Whose turn it is, of so many.
    pub(crate) fn turn(number: u64, of: usize) -> usize {
        usize::try_from(number).unwrap_or(usize::MAX) % of.max(1)
    }
}

/// The arrivals of one measurement. Times are nanoseconds after its start; 0 stands for never.
pub(crate) struct Arrivals {
    base: u64,
    targets: Range<usize>,
    route: Route,
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
    pub(crate) fn expect(base: u64, most: usize, targets: Range<usize>, route: Route) -> Self {
        let deliveries = match route {
            Route::ToEach => targets.len(),
            Route::InTurn => 1,
        };
        let at = std::iter::repeat_with(AtomicU64::default).take(most * deliveries);
        Self {
            base,
            at: at.collect(),
            targets,
            route,
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
        let most = self.at.len() / self.deliveries_of_one().max(1);
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

    /// Waits until this many events have arrived wherever they go; gives up when nothing has arrived
    /// for so long.
    pub(crate) async fn wait(&self, events: u64, silence: Duration) -> Result<Arrived, BenchError> {
        let each = u64::try_from(self.deliveries_of_one()).unwrap_or(u64::MAX);
        self.wait_for(events * each, silence).await
    }

    /// Waits until this many deliveries have arrived; gives up when nothing has arrived for so long.
    pub(crate) async fn wait_for(
        &self,
        expected: u64,
        silence: Duration,
    ) -> Result<Arrived, BenchError> {
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

    /// How long after the start each of these events has arrived at the first endpoint that it goes to;
    /// `None` for one that has not.
    pub(crate) fn firsts(&self, events: u64) -> impl Iterator<Item = Option<Duration>> {
        let at = self.at.iter().take(usize::try_from(events).unwrap_or(usize::MAX));
        at.map(|at| Some(at.load(Ordering::Relaxed)).filter(|at| *at > 0).map(Duration::from_nanos))
    }

    /// How long after the start each delivery that has arrived did so, the first one first.
    pub(crate) fn in_order(&self) -> Vec<Duration> {
        let at = self.at.iter().map(|at| at.load(Ordering::Relaxed)).filter(|at| *at > 0);
        let mut at: Vec<_> = at.map(Duration::from_nanos).collect();
        at.sort_unstable();
        at
    }

    fn deliveries_of_one(&self) -> usize {
        match self.route {
            Route::ToEach => self.targets.len(),
            Route::InTurn => 1,
        }
    }

    /// Where an arrival is written down: the targets' times one after the other, or one time per event
    /// if each goes to one target.
    fn place(&self, target: usize, number: u64) -> Option<usize> {
        if !self.targets.contains(&target) || !self.numbers().contains(&number) {
            return None;
        }
        let target = target - self.targets.start;
        let place = usize::try_from(number - self.base).ok()?;
        match self.route {
            Route::ToEach => Some(target * (self.at.len() / self.targets.len()) + place),
            Route::InTurn => (target == Route::turn(number, self.targets.len())).then_some(place),
        }
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

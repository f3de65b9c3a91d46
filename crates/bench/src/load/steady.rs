//! `PublishEvent` in an open loop: each call has its time, and starts then, whatever has become of
//! the calls before it.
//!
//! Latency is counted from the time that a call was to start at, so that a system that stalls does
//! not make its own measurement milder (coordinated omission).

use super::Published;
use crate::customer::Customer;
use crate::error::BenchError;
use crate::receiver::Arrivals;
use hdrhistogram::Histogram;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// What is measured begins so long after the start, so that the first call is no later than others.
const LEAD: Duration = Duration::from_millis(20);

/// What is longer counts as this, in microseconds.
const LONGEST_US: u64 = 120_000_000;

/// Publishes at a steady rate for so long.
pub(crate) async fn run(
    customer: &Arc<Customer>,
    arrivals: &Arrivals,
    per_second: u32,
    load_for: Duration,
) -> Result<Published, BenchError> {
    let load = Load { per_second, most: count(per_second, load_for), stop: Arc::default() };
    run_until(customer, arrivals, &load).await
}

/// A steady rate until somebody has seen enough.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) per_second: u32,
    /// No more events than these.
    pub(crate) most: u64,
    /// Ends it when it is set.
    pub(crate) stop: Arc<AtomicBool>,
}

/// Publishes at a steady rate until it is stopped.
pub(crate) async fn run_until(
    customer: &Arc<Customer>,
    arrivals: &Arrivals,
    load: &Load,
) -> Result<Published, BenchError> {
    let per_second = load.per_second;
    let first = arrivals.numbers().start;
    let mut due = pace(arrivals.began(), load)?;
    let mut calls = JoinSet::new();
    while let Some(n) = due.recv().await {
        let customer = Arc::clone(customer);
        let due = arrivals.began() + due_at(per_second, n);
        calls.spawn(async move {
            let mut client = customer.client(usize::try_from(n).unwrap_or_default());
            customer.publish(&mut client, first + n).await?;
            Ok::<_, BenchError>(due.elapsed())
        });
    }
    let answered: Vec<_> = calls.join_all().await.into_iter().collect::<Result<_, _>>()?;
    let events = u64::try_from(answered.len()).unwrap_or(u64::MAX);
    Ok(Published { events, within: arrivals.began().elapsed(), answered })
}

/// How many events that is.
pub(crate) fn count(per_second: u32, load_for: Duration) -> u64 {
    u64::from(per_second) * load_for.as_secs()
}

/// When each event that has arrived was to be published, from the start on, and how long it took from
/// then on.
pub(crate) fn arrived(
    arrivals: &Arrivals,
    per_second: u32,
    events: u64,
) -> impl Iterator<Item = (Duration, Duration)> {
    (0..).zip(arrivals.firsts(events)).filter_map(move |(n, arrived)| {
        let due = due_at(per_second, n);
        Some((due, arrived?.saturating_sub(due)))
    })
}

/// The distribution of durations, in microseconds.
pub(crate) fn histogram(
    durations: impl IntoIterator<Item = Duration>,
) -> Result<Histogram<u64>, hdrhistogram::CreationError> {
    let mut histogram = Histogram::new_with_bounds(1, LONGEST_US, 3)?;
    for duration in durations {
        histogram.saturating_record(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
    }
    Ok(histogram)
}

/// When the n-th event is to be published, from the start on.
pub(crate) fn due_at(per_second: u32, n: u64) -> Duration {
    LEAD + Duration::from_nanos(n * 1_000_000_000 / u64::from(per_second))
}

/// Gives the numbers of events when they are due. A thread of its own, because the executor's timer
/// is no finer than a millisecond.
#[expect(clippy::disallowed_methods, reason = "the thread does nothing but wait")]
fn pace(began: Instant, load: &Load) -> Result<mpsc::UnboundedReceiver<u64>, BenchError> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let load = load.clone();
    let pace = move || {
        for n in 0..load.most {
            let due = began + due_at(load.per_second, n);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if load.stop.load(Ordering::Relaxed) || sender.send(n).is_err() {
                return;
            }
        }
    };
    let thread = std::thread::Builder::new().name("pace".to_owned());
    thread.spawn(pace).map_err(BenchError::Start)?;
    Ok(receiver)
}

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
    let events = count(per_second, load_for);
    let first = arrivals.numbers().start;
    let mut due = pace(arrivals.began(), per_second, events)?;
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
    let answered = calls.join_all().await.into_iter().collect::<Result<_, _>>()?;
    Ok(Published { events, within: arrivals.began().elapsed(), answered })
}

/// How many events that is.
pub(crate) fn count(per_second: u32, load_for: Duration) -> u64 {
    u64::from(per_second) * load_for.as_secs()
}

/// From when each event was to be published to its arrival.
pub(crate) fn arrived(
    arrivals: &Arrivals,
    per_second: u32,
    events: u64,
) -> impl Iterator<Item = Duration> {
    let events = usize::try_from(events).unwrap_or(usize::MAX);
    let arrived = (0..).zip(arrivals.first_target(events));
    arrived.map(move |(n, arrived)| arrived.saturating_sub(due_at(per_second, n)))
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
fn due_at(per_second: u32, n: u64) -> Duration {
    LEAD + Duration::from_nanos(n * 1_000_000_000 / u64::from(per_second))
}

/// Gives the numbers of events when they are due. A thread of its own, because the executor's timer
/// is no finer than a millisecond.
#[expect(clippy::disallowed_methods, reason = "the thread does nothing but wait")]
fn pace(
    began: Instant,
    per_second: u32,
    events: u64,
) -> Result<mpsc::UnboundedReceiver<u64>, BenchError> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let pace = move || {
        for n in 0..events {
            let due = began + due_at(per_second, n);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if sender.send(n).is_err() {
                return;
            }
        }
    };
    let thread = std::thread::Builder::new().name("pace".to_owned());
    thread.spawn(pace).map_err(BenchError::Start)?;
    Ok(receiver)
}

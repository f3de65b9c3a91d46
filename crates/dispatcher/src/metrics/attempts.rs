//! Attempts: how they end, how long they take, and how long after its acceptance an event arrives.

use postrider_common::attempt::FailureKind;
use postrider_common::metrics::{Counters, Histogram, Metrics, request_seconds};
use std::time::Duration;
use time::OffsetDateTime;

/// From five milliseconds, by way of what schedules wait for, to a week, in seconds.
const RECEIPT_SECONDS: [f64; 19] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0,
    3600.0, 21_600.0, 86_400.0, 604_800.0,
];

/// The class of a status, or that there was none.
const STATUS_CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "none"];
const NO_STATUS: &str = "none";

/// An attempt that was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    /// Its number, from 1.
    pub(crate) number: u32,
    /// Why it was no success.
    pub(crate) failure: Option<FailureKind>,
    /// The status that it was answered with.
    pub(crate) status: Option<u16>,
    /// When its event was accepted, or was to be delivered if that is later, on the database's clock.
    pub(crate) owed_since: OffsetDateTime,
    /// When it started, on the same clock.
    pub(crate) started_at: OffsetDateTime,
    /// How long it took; nothing if there was no request.
    pub(crate) duration: Duration,
}

/// What is counted and measured of attempts.
#[derive(Debug)]
pub(crate) struct AttemptMetrics {
    ended: Counters<(Option<FailureKind>, &'static str)>,
    success_seconds: Histogram,
    failure_seconds: Histogram,
    first_receipt: Histogram,
    later_receipt: Histogram,
}

impl AttemptMetrics {
    pub(super) fn register(metrics: &Metrics) -> Self {
        let durations = metrics.histograms(
            "attempt_duration_seconds",
            "How long requests to receivers took, to the end of the answer or to the failure",
            request_seconds,
        );
        let receipts = metrics.histograms(
            "publish_to_receipt_seconds",
            "How long after an event was owed a receiver had answered with success",
            || Histogram::new(RECEIPT_SECONDS),
        );
        Self {
            ended: metrics.counters(
                "attempts",
                "Attempts that ended, by result and by the class of the status, if there was one",
                ["result", "status"],
                ends(),
            ),
            success_seconds: durations.get_or_create_owned(&[("result", "success")]),
            failure_seconds: durations.get_or_create_owned(&[("result", "failure")]),
            first_receipt: receipts.get_or_create_owned(&[("attempt", "first")]),
            later_receipt: receipts.get_or_create_owned(&[("attempt", "later")]),
        }
    }

    /// Counts an attempt.
    pub(crate) fn ended(&self, attempt: &Attempt) {
        let class = attempt.status.map_or(NO_STATUS, class);
        self.ended.inc(&(attempt.failure, class));
        let seconds = attempt.duration.as_secs_f64();
        match attempt.failure {
            None => {
                self.success_seconds.observe(seconds);
                self.receipt(attempt);
            }
            // Without a request there is nothing that took time.
            Some(_) if attempt.duration.is_zero() => {}
            Some(_) => self.failure_seconds.observe(seconds),
        }
    }

    fn receipt(&self, attempt: &Attempt) {
        let since = attempt.started_at + attempt.duration - attempt.owed_since;
        let receipts = if attempt.number == 1 { &self.first_receipt } else { &self.later_receipt };
        receipts.observe(since.as_seconds_f64().max(0.0));
    }
}

/// How an attempt can end: a success and a status that is none have a class, other failures have not.
fn ends() -> impl Iterator<Item = ((Option<FailureKind>, &'static str), [&'static str; 2])> {
    let answered = [None, Some(FailureKind::Status)]
        .into_iter()
        .flat_map(|failure| STATUS_CLASSES.map(|class| (failure, class)));
    let unanswered = FailureKind::ALL
        .into_iter()
        .filter(|kind| *kind != FailureKind::Status)
        .map(|kind| (Some(kind), NO_STATUS));
    let name = |failure: Option<FailureKind>| failure.map_or("success", FailureKind::as_str);
    answered
        .filter(|(_, class)| *class != NO_STATUS)
        .chain(unanswered)
        .map(move |(failure, class)| ((failure, class), [name(failure), class]))
}

fn class(status: u16) -> &'static str {
    match status {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    }
}

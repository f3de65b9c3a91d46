//! When a delivery has succeeded, and when it is tried again, as a contract file says it.

use crate::backoff::Backoff;
use crate::contract::AfterLast;
use crate::file;
use crate::problems::Problems;
use crate::schedule::{Jitter, MAX_DELAY_SECONDS, MAX_RETRIES, RetrySchedule};
use crate::success::SuccessRule;
use std::time::Duration;
use toml::Spanned;

/// The longest time-out, in seconds.
const MAX_TIMEOUT: i64 = 300;

/// What the file says of deliveries.
pub(super) struct Delivery {
    pub(super) timeout: Duration,
    pub(super) success: SuccessRule,
    pub(super) schedule: RetrySchedule,
    /// Only where an endpoint may have its own numbers.
    pub(super) backoff: Option<Backoff>,
    pub(super) jitter: Jitter,
    pub(super) after_last: AfterLast,
}

pub(super) fn read(problems: &mut Problems<'_>, given: &file::Delivery) -> Option<Delivery> {
    let timeout = problems.whole(&given.timeout, "delivery.timeout", 1..=MAX_TIMEOUT, " s");
    let success = SuccessRule::read(problems, &given.success);
    let delays = read_delays(problems, given);
    let jitter = problems.whole(&given.jitter, "delivery.jitter", 0..=100, " per cent");
    let outcomes = [
        ("fail", AfterLast::Fail),
        ("disable-endpoint", AfterLast::DisableEndpoint),
        ("dead-letter", AfterLast::DeadLetter),
    ];
    let after_last =
        problems.choose(&given.after_last, "delivery.after_last", "outcome", &outcomes);
    let (schedule, backoff) = delays?;
    Some(Delivery {
        timeout: Duration::from_secs(timeout?),
        success: success?,
        schedule,
        backoff,
        jitter: Jitter::percent(jitter?),
        after_last: after_last?,
    })
}

fn read_delays(
    problems: &mut Problems<'_>,
    given: &file::Delivery,
) -> Option<(RetrySchedule, Option<Backoff>)> {
    match (&given.delays, &given.exponential) {
        (Some(delays), None) => Some((read_list(problems, delays)?, None)),
        (None, Some(exponential)) => {
            let backoff = Backoff::read(problems, exponential)?;
            let overridable = exponential.get_ref().overridable == Some(true);
            Some((backoff.schedule(), overridable.then_some(backoff)))
        }
        (delays, _) => {
            let span = delays.as_ref().map_or_else(|| given.timeout.span(), Spanned::span);
            problems.add(span, "delivery", "must have either delays or exponential");
            None
        }
    }
}

fn read_list(
    problems: &mut Problems<'_>,
    given: &Spanned<Vec<file::Whole>>,
) -> Option<RetrySchedule> {
    const KEY: &str = "delivery.delays";
    if given.get_ref().len() > MAX_RETRIES {
        problems.add(given.span(), KEY, format!("must have at most {MAX_RETRIES} delays"));
        return None;
    }
    let longest = i64::from(MAX_DELAY_SECONDS);
    let read = |(place, delay): (usize, &file::Whole)| {
        problems.whole(delay, format!("{KEY}[{place}]"), 0..=longest, " s (30 days)")
    };
    let delays: Vec<Option<u32>> = given.get_ref().iter().enumerate().map(read).collect();
    Some(RetrySchedule::within_limits(delays.into_iter().collect::<Option<_>>()?))
}

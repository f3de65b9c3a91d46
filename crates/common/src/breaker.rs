//! The circuit breaker's rules: when an endpoint counts as down, for how long it rests, and how it
//! comes back. Pure: no clock, no store; times are given.
//!
//! *Motivation.* A host that is down would spend the attempts of everything that waits for it, and
//! hold slots until each has timed out. *Theory of operation.* Every dispatcher watches the attempts
//! that it makes; one that sees a sustained failure opens the endpoint's breaker for all. After a
//! rest a probe is made with what is due first. A success closes the breaker, and what waits is let go
//! in growing steps; a failure opens it again for longer.

mod sign;
mod state;

pub use sign::Sign;
pub use state::BreakerState;

use crate::id::DeliveryId;
use postrider_contract::Jitter;
use std::collections::{HashSet, VecDeque};
use std::time::Duration;
use time::OffsetDateTime;

/// What is older does not count.
pub const WINDOW: Duration = Duration::from_mins(1);
/// The fewest failures that open a breaker.
pub const MIN_FAILURES: usize = 20;
/// The fewest deliveries that these failures are of, so that no single delivery's schedule is ever
/// withheld from it.
pub const MIN_DELIVERIES: usize = 10;
/// Of so many attempts, one success is no recovery.
const ATTEMPTS_PER_SUCCESS: usize = 10;
/// Attempts that are remembered; at a higher rate the window is shorter.
const REMEMBERED: usize = 256;
/// The first rest, which doubles with each probe that fails.
const FIRST_REST: Duration = Duration::from_secs(30);
/// The longest rest.
const LONGEST_REST: Duration = Duration::from_mins(10);
/// How much longer a rest may be, so that endpoints which went down together are not probed together.
const REST_JITTER: Jitter = Jitter::percent(15);
/// After so long the ramp is above every cap.
pub const RAMP: Duration = Duration::from_secs(32);

/// The attempts of one endpoint as one dispatcher saw them last.
#[derive(Clone, Debug, Default)]
pub struct Recent {
    attempts: VecDeque<Seen>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    at: Duration,
    delivery: DeliveryId,
    failed: bool,
}

impl Recent {
    /// Notes an attempt that ended at `at`, counted from any fixed moment. Gives whether the endpoint
    /// is down: at least [`MIN_FAILURES`] failures of at least [`MIN_DELIVERIES`] deliveries within
    /// [`WINDOW`], and hardly a success between them.
    pub fn note(&mut self, at: Duration, delivery: DeliveryId, failed: bool) -> bool {
        let begin = at.saturating_sub(WINDOW);
        while self.attempts.len() >= REMEMBERED
            || self.attempts.front().is_some_and(|first| first.at < begin)
        {
            self.attempts.pop_front();
        }
        self.attempts.push_back(Seen { at, delivery, failed });
        failed && self.is_down()
    }

    fn is_down(&self) -> bool {
        let failed = || self.attempts.iter().filter(|seen| seen.failed);
        let failures = failed().count();
        let successes = self.attempts.len() - failures;
        failures >= MIN_FAILURES
            && successes * ATTEMPTS_PER_SUCCESS <= self.attempts.len()
            && failed().map(|seen| seen.delivery).collect::<HashSet<_>>().len() >= MIN_DELIVERIES
    }

    /// Whether nothing that is remembered counts any more.
    pub fn is_over(&self, now: Duration) -> bool {
        self.attempts.back().is_none_or(|last| last.at + WINDOW < now)
    }
}

/// How long an endpoint rests before it is probed, when its breaker opens for the first time, the
/// second, … in a row; the last holds from then on. `draw` in 0..=1 is the share of the jitter.
pub fn rests(draw: f64) -> Vec<Duration> {
    let mut rests = Vec::new();
    let mut rest = FIRST_REST;
    while rest < LONGEST_REST {
        rests.push(REST_JITTER.stretch(rest, draw));
        rest *= 2;
    }
    rests.push(REST_JITTER.stretch(LONGEST_REST, draw));
    rests
}

/// For how long a delivery that was due then has been withheld from an endpoint that is down since.
pub fn withheld(
    due_at: OffsetDateTime,
    down_since: OffsetDateTime,
    now: OffsetDateTime,
) -> Duration {
    Duration::try_from(now - due_at.max(down_since)).unwrap_or_default()
}

/// How many deliveries an endpoint may have in flight so long after its breaker closed: one at first,
/// twice as many each second, up to its cap.
pub fn ramp(closed_for: Duration, cap: u32) -> u32 {
    u32::try_from(closed_for.as_secs())
        .ok()
        .and_then(|seconds| 1_u32.checked_shl(seconds))
        .map_or(cap, |allowed| allowed.min(cap))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::EventId;
    use proptest::prelude::*;

    fn deliveries(count: usize) -> Vec<DeliveryId> {
        (0..count).map(|_| DeliveryId::generate_for(EventId::generate())).collect()
    }

    fn second(at: usize) -> Duration {
        Duration::from_secs(at.try_into().unwrap())
    }

    #[test]
    fn twenty_failures_of_ten_deliveries_within_a_minute_open_it() {
        let known = deliveries(10);
        let mut recent = Recent::default();
        let opened: Vec<bool> =
            (0..20).map(|n| recent.note(second(n), known[n % 10], true)).collect();
        assert_eq!(opened.iter().position(|open| *open), Some(19));
    }

    #[test]
    fn one_delivery_that_fails_never_opens_it() {
        let known = deliveries(9);
        let mut recent = Recent::default();
        assert!((0..200).all(|n| !recent.note(Duration::ZERO, known[n % 9], true)));
    }

    #[test]
    fn failures_that_are_spread_out_do_not_open_it() {
        let known = deliveries(100);
        let mut recent = Recent::default();
        assert!((0..100).all(|n| !recent.note(second(n * 4), known[n], true)));
    }

    #[test]
    fn a_rest_doubles_up_to_ten_minutes() {
        let seconds = |draw| rests(draw).iter().map(Duration::as_secs_f64).collect::<Vec<_>>();
        assert_eq!(seconds(0.0), [30.0, 60.0, 120.0, 240.0, 480.0, 600.0]);
        assert_eq!(seconds(1.0), [34.5, 69.0, 138.0, 276.0, 552.0, 690.0]);
    }

    #[test]
    fn what_was_due_before_the_endpoint_went_down_is_withheld_since_then() {
        let at = |seconds: i64| OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(seconds);
        assert_eq!(withheld(at(10), at(100), at(130)), second(30));
        assert_eq!(withheld(at(110), at(100), at(130)), second(20));
        assert_eq!(withheld(at(140), at(100), at(130)), Duration::ZERO);
    }

    #[test]
    fn the_ramp_doubles_each_second_up_to_the_cap() {
        let allowed: Vec<u32> = (0..8).map(|n| ramp(second(n), 64)).collect();
        assert_eq!(allowed, [1, 2, 4, 8, 16, 32, 64, 64]);
        assert_eq!(ramp(Duration::MAX, 64), 64);
        assert_eq!(ramp(RAMP, u32::MAX), u32::MAX);
    }

    proptest! {
        #[test]
        fn it_never_opens_on_less_than_the_rule_asks_for(
            attempts in proptest::collection::vec((0_u64..200, 0_usize..30, any::<bool>()), 1..400),
        ) {
            let known = deliveries(30);
            let mut recent = Recent::default();
            let mut at = Duration::ZERO;
            let mut all = Vec::new();
            for (pause, delivery, failed) in attempts {
                at += Duration::from_millis(pause * 10);
                all.push((at, delivery, failed));
                if !recent.note(at, known[delivery], failed) {
                    continue;
                }
                prop_assert!(failed, "a success opens nothing");
                let inside = || all.iter().filter(|(when, ..)| *when + WINDOW >= at);
                let failures: Vec<_> = inside().filter(|(.., failed)| *failed).collect();
                let distinct: HashSet<_> = failures.iter().map(|(_, one, _)| one).collect();
                prop_assert!(failures.len() >= MIN_FAILURES && distinct.len() >= MIN_DELIVERIES);
            }
        }

        #[test]
        fn a_success_among_few_failures_keeps_it_closed(successes in 3_usize..20) {
            let known = deliveries(20);
            let mut recent = Recent::default();
            for delivery in &known[..successes] {
                recent.note(Duration::ZERO, *delivery, false);
            }
            for delivery in &known {
                prop_assert!(!recent.note(Duration::ZERO, *delivery, true));
            }
        }
    }
}

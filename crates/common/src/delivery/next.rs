//! What becomes of a delivery after an attempt: one pure function.
//!
//! No clock and no randomness: it gives a delay, which the store adds to the database's clock, and
//! takes the jitter that was drawn for it. Whether a retry waits as `scheduled` or `held` depends on
//! the endpoint at the moment of settling, so the store decides that.

use super::state::DeadReason;
use crate::endpoint::DisableReason;
use postrider_contract::{AfterLast, Jitter, RetrySchedule};
use std::time::Duration;

/// How far a delivery is in its round of attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Failures that counted against the schedule in this round.
    pub failures: u32,
}

/// What an attempt came to, as far as the schedule is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The contract counts the answer as success.
    Success,
    /// A failure that costs a step of the schedule.
    Failure,
    /// The receiver answered 410: it will not come back.
    Gone,
    /// The request was cut off by us; it costs no step and is tried again at once.
    Cancelled,
}

/// The rules that hold for the delivery's endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Policy<'a> {
    /// The delays between attempts.
    pub schedule: &'a RetrySchedule,
    /// How much later than scheduled a retry may go out.
    pub jitter: Jitter,
    /// What follows when the last attempt has failed.
    pub after_last: AfterLast,
}

/// What to write down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    /// Finished well.
    Delivered,
    /// To be tried again after a delay, counted from the end of the attempt.
    Retry {
        /// How long to wait.
        delay: Duration,
        /// How far the delivery is now.
        progress: Progress,
    },
    /// Given up.
    Dead {
        /// Why.
        reason: DeadReason,
        /// Set when the endpoint is to be switched off with it.
        disable: Option<DisableReason>,
    },
}

/// Decides what becomes of a delivery.
///
/// `draw` in 0..=1 is the share of the jitter that this retry gets.
pub fn next(progress: Progress, outcome: Outcome, policy: &Policy<'_>, draw: f64) -> Transition {
    match outcome {
        Outcome::Success => Transition::Delivered,
        Outcome::Cancelled => Transition::Retry { delay: Duration::ZERO, progress },
        Outcome::Gone => {
            Transition::Dead { reason: DeadReason::Gone, disable: Some(DisableReason::Gone) }
        }
        Outcome::Failure => match policy.schedule.delay_after(progress.failures) {
            Some(delay) => Transition::Retry {
                delay: policy.jitter.stretch(delay, draw),
                progress: Progress { failures: progress.failures + 1 },
            },
            None => Transition::Dead {
                reason: DeadReason::Exhausted,
                disable: match policy.after_last {
                    AfterLast::DisableEndpoint => Some(DisableReason::Exhausted),
                    AfterLast::Fail | AfterLast::DeadLetter => None,
                },
            },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn schedules() -> impl Strategy<Value = RetrySchedule> {
        proptest::collection::vec(0u32..=2_592_000, 0..20)
            .prop_map(|seconds| RetrySchedule::from_seconds(&seconds).unwrap())
    }

    fn policy(schedule: &RetrySchedule, percent: u8) -> Policy<'_> {
        Policy { schedule, jitter: Jitter::percent(percent), after_last: AfterLast::Fail }
    }

    proptest! {
        #[test]
        fn a_delivery_that_always_fails_gets_its_whole_schedule_and_then_dies(
            schedule in schedules(), percent in 0u8..=15, draw in 0.0..=1.0f64,
        ) {
            let policy = policy(&schedule, percent);
            let mut progress = Progress { failures: 0 };
            for planned in schedule.delays() {
                let Transition::Retry { delay, progress: now } =
                    next(progress, Outcome::Failure, &policy, draw)
                else {
                    return Err(TestCaseError::fail("gave up before the schedule's end"));
                };
                prop_assert!(delay >= planned, "never early");
                prop_assert!(delay <= planned.mul_f64(1.15) + Duration::from_millis(1));
                progress = now;
            }
            let end = next(progress, Outcome::Failure, &policy, draw);
            prop_assert_eq!(end, Transition::Dead { reason: DeadReason::Exhausted, disable: None });
        }

        #[test]
        fn success_wins_and_cancellation_costs_nothing(
            schedule in schedules(), failures in 0u32..100, draw in 0.0..=1.0f64,
        ) {
            let policy = policy(&schedule, 15);
            let progress = Progress { failures };
            prop_assert_eq!(next(progress, Outcome::Success, &policy, draw), Transition::Delivered);
            prop_assert_eq!(
                next(progress, Outcome::Cancelled, &policy, draw),
                Transition::Retry { delay: Duration::ZERO, progress }
            );
        }

        #[test]
        fn without_jitter_delays_are_exact(schedule in schedules(), draw in 0.0..=1.0f64) {
            let policy = policy(&schedule, 0);
            for (failures, planned) in (0..).zip(schedule.delays()) {
                let to = next(Progress { failures }, Outcome::Failure, &policy, draw);
                let progress = Progress { failures: failures + 1 };
                prop_assert_eq!(to, Transition::Retry { delay: planned, progress });
            }
        }
    }

    #[test]
    fn gone_switches_the_endpoint_off() {
        let schedule = RetrySchedule::from_seconds(&[1, 2]).unwrap();
        let policy = policy(&schedule, 0);
        let to = next(Progress { failures: 0 }, Outcome::Gone, &policy, 0.0);
        let disable = Some(DisableReason::Gone);
        assert_eq!(to, Transition::Dead { reason: DeadReason::Gone, disable });
    }

    #[test]
    fn the_last_failure_switches_the_endpoint_off_where_the_contract_says_so() {
        let schedule = RetrySchedule::from_seconds(&[1]).unwrap();
        for (after_last, disable) in [
            (AfterLast::Fail, None),
            (AfterLast::DeadLetter, None),
            (AfterLast::DisableEndpoint, Some(DisableReason::Exhausted)),
        ] {
            let policy = Policy { after_last, ..policy(&schedule, 0) };
            let retried = next(Progress { failures: 0 }, Outcome::Failure, &policy, 0.0);
            assert!(matches!(retried, Transition::Retry { .. }));
            let last = next(Progress { failures: 1 }, Outcome::Failure, &policy, 0.0);
            assert_eq!(last, Transition::Dead { reason: DeadReason::Exhausted, disable });
        }
    }
}

//! What becomes of a delivery after an attempt: one pure function.
//!
//! No clock and no randomness: it gives a delay, which the store adds to the database's clock, and
//! takes the jitter that was drawn for it. Whether a retry waits as `scheduled` or `held` depends on
//! the endpoint at the moment of settling, so the store decides that.

use super::advice::{Advice, MAX_RETRY_AFTER, Word};
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
    /// Whether the delivery is a test: it is attempted once, and nothing follows for its endpoint.
    pub test: bool,
    /// For how long the attempt was withheld because the endpoint was down, although it was due. If
    /// that is as long as the whole schedule, it was the last.
    pub withheld: Duration,
    /// What the receiver said beside the status of its answer; a test heeds none of it.
    pub advice: Advice,
}

/// What to write down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    /// Finished well.
    Delivered,
    /// Finished well, and the last that the receiver wanted: its endpoint is to be switched off.
    DeliveredLast,
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

impl Transition {
    /// Why the endpoint is to be switched off with it, if it is.
    pub fn disables(self) -> Option<DisableReason> {
        match self {
            Self::Dead { disable, .. } => disable,
            Self::DeliveredLast => Some(DisableReason::Receiver),
            Self::Delivered | Self::Retry { .. } => None,
        }
    }

    /// Whether the delivery is finished well.
    pub fn is_success(self) -> bool {
        matches!(self, Self::Delivered | Self::DeliveredLast)
    }
}

/// Decides what becomes of a delivery.
///
/// `draw` in 0..=1 is the share of the jitter that this retry gets.
pub fn next(progress: Progress, outcome: Outcome, policy: &Policy<'_>, draw: f64) -> Transition {
    match outcome {
        Outcome::Gone if policy.test => {
            Transition::Dead { reason: DeadReason::Gone, disable: None }
        }
        Outcome::Failure if policy.test => {
            Transition::Dead { reason: DeadReason::Exhausted, disable: None }
        }
        Outcome::Success if policy.heeds(Word::Disable) => Transition::DeliveredLast,
        Outcome::Failure if policy.heeds(Word::Disable) => {
            Transition::Dead { reason: DeadReason::Aborted, disable: Some(DisableReason::Receiver) }
        }
        Outcome::Failure if policy.heeds(Word::AbortMessage) => {
            Transition::Dead { reason: DeadReason::Aborted, disable: None }
        }
        Outcome::Success => Transition::Delivered,
        Outcome::Cancelled => Transition::Retry { delay: Duration::ZERO, progress },
        Outcome::Gone => {
            Transition::Dead { reason: DeadReason::Gone, disable: Some(DisableReason::Gone) }
        }
        Outcome::Failure => match policy.delay_after(progress) {
            Some(delay) => Transition::Retry {
                delay: policy.jitter.stretch(delay, draw).max(policy.asked_delay()),
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

impl Policy<'_> {
    /// Whether the next failure of a delivery that got so far switches its endpoint off.
    pub fn is_last_chance(&self, transition: Transition) -> bool {
        let Transition::Retry { progress, .. } = transition else { return false };
        let disables = self.after_last == AfterLast::DisableEndpoint && !self.test;
        disables && self.schedule.delay_after(progress.failures).is_none()
    }

    /// How long to wait after another failure; `None` when that was the last.
    fn delay_after(&self, progress: Progress) -> Option<Duration> {
        let was_withheld = !self.withheld.is_zero();
        if was_withheld && self.withheld >= self.schedule.length() {
            return None;
        }
        self.schedule.delay_after(progress.failures)
    }

    /// Whether the receiver said so and is not merely being tried out.
    fn heeds(&self, word: Word) -> bool {
        !self.test && self.advice.word == Some(word)
    }

    /// How long the receiver asks to be left alone.
    fn asked_delay(&self) -> Duration {
        self.advice.retry_after.unwrap_or_default().min(MAX_RETRY_AFTER)
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
        let jitter = Jitter::percent(percent);
        Policy {
            schedule,
            jitter,
            after_last: AfterLast::Fail,
            test: false,
            withheld: Duration::ZERO,
            advice: Advice::default(),
        }
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

    proptest! {
        #[test]
        fn only_what_was_withheld_for_its_whole_schedule_ends_before_its_end(
            schedule in schedules(), failures in 0u32..25, withheld in 0u64..60_000_000,
        ) {
            let withheld = Duration::from_secs(withheld);
            let patient = policy(&schedule, 0);
            let withheld_policy = Policy { withheld, ..patient };
            let after = |policy| next(Progress { failures }, Outcome::Failure, &policy, 0.0);
            let waited_out = !withheld.is_zero() && withheld >= schedule.length();
            let dead = Transition::Dead { reason: DeadReason::Exhausted, disable: None };
            let expected = if waited_out { dead } else { after(patient) };
            prop_assert_eq!(after(withheld_policy), expected);
            for outcome in [Outcome::Success, Outcome::Cancelled, Outcome::Gone] {
                let after = |policy| next(Progress { failures }, outcome, &policy, 0.0);
                prop_assert_eq!(after(withheld_policy), after(patient), "it is about failures alone");
            }
        }
    }

    #[test]
    fn what_was_withheld_for_its_whole_schedule_ends_as_after_its_last_attempt() {
        let schedule = RetrySchedule::from_seconds(&[10, 20]).unwrap();
        let withheld = Duration::from_secs(30);
        let after_last = AfterLast::DisableEndpoint;
        let policy = Policy { after_last, withheld, ..policy(&schedule, 0) };
        let to = next(Progress { failures: 0 }, Outcome::Failure, &policy, 0.0);
        let disable = Some(DisableReason::Exhausted);
        assert_eq!(to, Transition::Dead { reason: DeadReason::Exhausted, disable });
        let sooner = Policy { withheld: Duration::from_millis(29_999), ..policy };
        let to = next(Progress { failures: 0 }, Outcome::Failure, &sooner, 0.0);
        assert!(matches!(to, Transition::Retry { .. }));
    }

    #[test]
    fn a_test_is_attempted_once_and_switches_nothing_off() {
        let schedule = RetrySchedule::from_seconds(&[1, 2]).unwrap();
        for after_last in [AfterLast::Fail, AfterLast::DisableEndpoint, AfterLast::DeadLetter] {
            let policy = Policy { after_last, test: true, ..policy(&schedule, 0) };
            let after = |outcome| next(Progress { failures: 0 }, outcome, &policy, 0.0);
            let dead = |reason| Transition::Dead { reason, disable: None };
            assert_eq!(after(Outcome::Success), Transition::Delivered);
            assert_eq!(after(Outcome::Failure), dead(DeadReason::Exhausted));
            assert_eq!(after(Outcome::Gone), dead(DeadReason::Gone));
            let again =
                Transition::Retry { delay: Duration::ZERO, progress: Progress { failures: 0 } };
            assert_eq!(after(Outcome::Cancelled), again);
        }
    }

    proptest! {
        #[test]
        fn a_receivers_wait_is_kept_and_the_schedule_too(
            schedule in schedules(), percent in 0u8..=15, draw in 0.0..=1.0f64,
            failures in 0u32..25, asked in proptest::option::of(0u64..200_000),
        ) {
            let retry_after = asked.map(Duration::from_secs);
            let plain = policy(&schedule, percent);
            let asking = Policy { advice: Advice { retry_after, word: None }, ..plain };
            let after = |policy| next(Progress { failures }, Outcome::Failure, &policy, draw);
            match (after(plain), after(asking)) {
                (Transition::Retry { delay: planned, .. }, Transition::Retry { delay, progress }) => {
                    let asked = retry_after.unwrap_or_default();
                    prop_assert!(delay >= planned, "never earlier than the schedule");
                    prop_assert!(delay >= asked.min(MAX_RETRY_AFTER), "nor than asked for");
                    prop_assert!(delay == planned || delay <= MAX_RETRY_AFTER, "but by a day at most");
                    prop_assert_eq!(progress, Progress { failures: failures + 1 });
                }
                (plain, asking) => prop_assert_eq!(asking, plain, "no wait outlasts the schedule"),
            }
            for outcome in [Outcome::Success, Outcome::Cancelled, Outcome::Gone] {
                let after = |policy| next(Progress { failures }, outcome, &policy, draw);
                prop_assert_eq!(after(asking), after(plain));
            }
        }
    }

    #[test]
    fn a_receivers_word_ends_the_delivery_and_may_end_its_endpoint() {
        let schedule = RetrySchedule::from_seconds(&[1, 2]).unwrap();
        let dead = |reason, disable| Transition::Dead { reason, disable };
        let again = Transition::Retry { delay: Duration::ZERO, progress: Progress { failures: 0 } };
        let gone = dead(DeadReason::Gone, Some(DisableReason::Gone));
        let disabling = dead(DeadReason::Aborted, Some(DisableReason::Receiver));
        let aborting = dead(DeadReason::Aborted, None);
        for (word, delivered, failed) in [
            (Word::Disable, Transition::DeliveredLast, disabling),
            (Word::AbortMessage, Transition::Delivered, aborting),
        ] {
            let advice = Advice { word: Some(word), retry_after: Some(Duration::from_secs(5)) };
            let policy = Policy { advice, ..policy(&schedule, 0) };
            let after = |outcome| next(Progress { failures: 0 }, outcome, &policy, 0.0);
            assert_eq!(after(Outcome::Success), delivered);
            assert_eq!(after(Outcome::Failure), failed);
            assert_eq!(after(Outcome::Gone), gone, "there is no stronger word");
            assert_eq!(after(Outcome::Cancelled), again);

            let test = Policy { test: true, ..policy };
            let after = |outcome| next(Progress { failures: 0 }, outcome, &test, 0.0);
            assert_eq!(after(Outcome::Success), Transition::Delivered);
            assert_eq!(after(Outcome::Failure), dead(DeadReason::Exhausted, None));
        }
    }

    #[test]
    fn what_switches_an_endpoint_off_says_why() {
        let disable = Some(DisableReason::Exhausted);
        let dead = Transition::Dead { reason: DeadReason::Exhausted, disable };
        assert_eq!((dead.disables(), dead.is_success()), (disable, false));
        let last = Transition::DeliveredLast;
        assert_eq!((last.disables(), last.is_success()), (Some(DisableReason::Receiver), true));
        assert_eq!(
            (Transition::Delivered.disables(), Transition::Delivered.is_success()),
            (None, true)
        );
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

    #[test]
    fn the_last_chance_is_the_attempt_whose_failure_switches_the_endpoint_off() {
        let schedule = RetrySchedule::from_seconds(&[1, 2]).unwrap();
        let after_last = AfterLast::DisableEndpoint;
        let disables = Policy { after_last, ..policy(&schedule, 0) };
        let after = |failures, outcome, policy: &Policy<'_>| {
            policy.is_last_chance(next(Progress { failures }, outcome, policy, 0.0))
        };
        let of_failures = [0, 1, 2].map(|failures| after(failures, Outcome::Failure, &disables));
        assert_eq!(of_failures, [false, true, false]);
        assert!(after(2, Outcome::Cancelled, &disables), "the attempt is still to be made");
        assert!(!after(1, Outcome::Success, &disables));
        for other in [AfterLast::Fail, AfterLast::DeadLetter] {
            let policy = Policy { after_last: other, ..disables };
            assert!(!after(1, Outcome::Failure, &policy));
        }
        let test = Policy { test: true, ..disables };
        assert!(!after(2, Outcome::Cancelled, &test));
    }
}

//! Exponential retries, of which an endpoint may have its own.

use crate::file;
use crate::problems::Problems;
use crate::schedule::{MAX_DELAY_SECONDS, MAX_RETRIES, RetrySchedule};
use std::ops::RangeInclusive;
use toml::Spanned;

/// How much longer each delay may be than the one before it.
const FACTORS: RangeInclusive<f64> = 1.0..=100.0;

/// A first delay that grows by a factor with each retry. No delay exceeds 30 days.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    first_delay: u32,
    factor: f64,
    retries: u32,
}

/// What one endpoint wants otherwise than its contract; `None` leaves it as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BackoffOverrides {
    /// Retries after the first attempt, 0 to 50.
    pub max_retries: Option<u32>,
    /// Seconds before the first retry, 0 to 2,592,000 (30 days).
    pub first_delay: Option<u32>,
    /// 1 to 100.
    pub factor: Option<f64>,
}

/// There is no such schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackoffError {
    /// More than 50 retries.
    #[error("must have at most {MAX_RETRIES} retries")]
    TooMany,
    /// The first delay is beyond 30 days.
    #[error("the first delay must not exceed 30 days (2592000 s)")]
    TooLong,
    /// The factor would shrink the delays, or is no number.
    #[error("the factor must be 1 to 100")]
    Factor,
}

impl Backoff {
    /// Exponential retries: seconds before the first one, the factor, how many.
    pub fn new(first_delay: u32, factor: f64, retries: u32) -> Result<Self, BackoffError> {
        if usize::try_from(retries).map_or(true, |retries| retries > MAX_RETRIES) {
            return Err(BackoffError::TooMany);
        }
        if first_delay > MAX_DELAY_SECONDS {
            return Err(BackoffError::TooLong);
        }
        if !FACTORS.contains(&factor) {
            return Err(BackoffError::Factor);
        }
        Ok(Self { first_delay, factor, retries })
    }

    /// The same with what an endpoint wants otherwise.
    ///
    /// ```
    /// # use postrider_contract::{Backoff, BackoffOverrides};
    /// let three = BackoffOverrides { max_retries: Some(3), ..BackoffOverrides::default() };
    /// let schedule = Backoff::new(1, 2.0, 5)?.with_overrides(&three)?.schedule();
    /// assert_eq!(schedule.seconds(), [1, 2, 4]);
    /// # Ok::<(), postrider_contract::BackoffError>(())
    /// ```
    pub fn with_overrides(&self, own: &BackoffOverrides) -> Result<Self, BackoffError> {
        let first_delay = own.first_delay.unwrap_or(self.first_delay);
        let factor = own.factor.unwrap_or(self.factor);
        Self::new(first_delay, factor, own.max_retries.unwrap_or(self.retries))
    }

    /// Its delays, each in whole seconds, rounded down.
    pub fn schedule(&self) -> RetrySchedule {
        let mut delay = f64::from(self.first_delay);
        let delays = (0..self.retries).map(|_| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a delay is from 0 to 30 days"
            )]
            let seconds = delay as u32;
            delay = (delay * self.factor).min(f64::from(MAX_DELAY_SECONDS));
            seconds
        });
        RetrySchedule::within_limits(delays.collect())
    }

    /// Seconds before the first retry.
    pub fn first_delay(&self) -> u32 {
        self.first_delay
    }

    /// How much longer each delay is than the one before it.
    pub fn factor(&self) -> f64 {
        self.factor
    }

    /// Retries after the first attempt.
    pub fn max_retries(&self) -> u32 {
        self.retries
    }

    pub(crate) fn read(
        problems: &mut Problems<'_>,
        given: &Spanned<file::Exponential>,
    ) -> Option<Self> {
        const KEY: &str = "delivery.exponential";
        let file::Exponential { first_delay, factor, retries, overridable: _ } = given.get_ref();
        let longest = i64::from(MAX_DELAY_SECONDS);
        let first = problems.whole(first_delay, format!("{KEY}.first_delay"), 0..=longest, " s");
        let retries = problems.whole(retries, format!("{KEY}.retries"), 0..=50, " retries");
        let checked = Self::new(first?, *factor.get_ref(), retries?);
        problems.take(factor, format!("{KEY}.factor"), checked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DOUBLING: Backoff = Backoff { first_delay: 1, factor: 2.0, retries: 5 };

    #[test]
    fn an_endpoint_changes_what_it_names() {
        let with = |own| DOUBLING.with_overrides(&own).map(|own| own.schedule().seconds().to_vec());
        let none = BackoffOverrides::default();
        assert_eq!(with(none), Ok(vec![1, 2, 4, 8, 16]));
        assert_eq!(with(BackoffOverrides { max_retries: Some(0), ..none }), Ok(vec![]));
        assert_eq!(with(BackoffOverrides { first_delay: Some(0), ..none }), Ok(vec![0; 5]));
        let slower = BackoffOverrides { first_delay: Some(10), factor: Some(1.5), ..none };
        assert_eq!(with(slower), Ok(vec![10, 15, 22, 33, 50]));
        let constant = BackoffOverrides { factor: Some(1.0), max_retries: Some(2), ..none };
        assert_eq!(with(constant), Ok(vec![1, 1]));
    }

    #[test]
    fn the_borders_are_refused() {
        assert_eq!(Backoff::new(0, 1.0, 51), Err(BackoffError::TooMany));
        assert_eq!(Backoff::new(MAX_DELAY_SECONDS + 1, 1.0, 1), Err(BackoffError::TooLong));
        for factor in [0.99, 100.01, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(Backoff::new(0, factor, 1), Err(BackoffError::Factor), "{factor}");
        }
    }

    proptest! {
        #[test]
        fn delays_never_shrink_and_keep_the_limits(
            first in 0..=MAX_DELAY_SECONDS, factor in 1.0..=100.0_f64, retries in 0..=50_u32,
        ) {
            let schedule = Backoff::new(first, factor, retries)?.schedule();
            let seconds = schedule.seconds().to_vec();
            prop_assert_eq!(seconds.len(), usize::try_from(retries)?);
            prop_assert!(seconds.is_sorted());
            prop_assert!(seconds.first().is_none_or(|delay| *delay == first));
            prop_assert!(seconds.iter().all(|delay| *delay <= MAX_DELAY_SECONDS));
            prop_assert_eq!(RetrySchedule::from_seconds(&seconds), Ok(schedule));
        }

        #[test]
        fn numbers_out_of_range_are_refused_and_never_panic(
            first in any::<u32>(), factor in any::<f64>(), retries in any::<u32>(),
        ) {
            let fits = first <= MAX_DELAY_SECONDS && FACTORS.contains(&factor) && retries <= 50;
            let own = BackoffOverrides {
                max_retries: Some(retries),
                first_delay: Some(first),
                factor: Some(factor),
            };
            prop_assert_eq!(DOUBLING.with_overrides(&own).is_ok(), fits);
        }
    }
}

//! When a failed delivery is tried again: a list of delays, and the jitter on them.

use std::time::Duration;

/// The longest delay: 30 days, in seconds.
pub(crate) const MAX_DELAY_SECONDS: u32 = 30 * 24 * 60 * 60;
/// The most retries that a schedule may have.
pub(crate) const MAX_RETRIES: usize = 50;

/// The delays before each retry; the first attempt is not part of it. Each delay counts from the
/// end of the previous attempt. The default is a single attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetrySchedule(Vec<u32>);

/// The list is no schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// More than 50 delays.
    #[error("must have at most {MAX_RETRIES} delays")]
    TooMany,
    /// A delay beyond 30 days.
    #[error("a delay must not exceed 30 days (2592000 s)")]
    TooLong,
}

impl RetrySchedule {
    /// A schedule from its delays in seconds, each 0 to 2,592,000 (30 days). An empty list means a
    /// single attempt.
    pub fn from_seconds(seconds: &[u32]) -> Result<Self, ScheduleError> {
        if seconds.len() > MAX_RETRIES {
            return Err(ScheduleError::TooMany);
        }
        match seconds.iter().find(|delay| **delay > MAX_DELAY_SECONDS) {
            Some(_) => Err(ScheduleError::TooLong),
            None => Ok(Self(seconds.to_vec())),
        }
    }

    /// A schedule whose maker knows that it is within the limits.
    pub(crate) fn within_limits(seconds: Vec<u32>) -> Self {
        debug_assert!(Self::from_seconds(&seconds).is_ok());
        Self(seconds)
    }

    /// The delays in seconds.
    pub fn seconds(&self) -> &[u32] {
        &self.0
    }

    /// The delays.
    pub fn delays(&self) -> impl Iterator<Item = Duration> + '_ {
        self.0.iter().map(|seconds| Duration::from_secs(u64::from(*seconds)))
    }

    /// How long it takes from the first attempt to the last, if all fail at once.
    pub fn length(&self) -> Duration {
        self.delays().sum()
    }

    /// How long to wait after a failure when `failures` came before it; `None` when it was the last.
    pub fn delay_after(&self, failures: u32) -> Option<Duration> {
        let delay = self.0.get(usize::try_from(failures).ok()?)?;
        Some(Duration::from_secs(u64::from(*delay)))
    }
}

/// By how much a retry may be later than scheduled, so that many do not fall on one moment. A
/// retry is never early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jitter(u8);

impl Jitter {
    /// Up to this many per cent of the delay.
    pub const fn percent(percent: u8) -> Self {
        Self(percent)
    }

    /// The delay with its share of the jitter; `draw` is in 0..=1.
    pub fn stretch(self, delay: Duration, draw: f64) -> Duration {
        let share = f64::from(self.0) / 100.0 * draw.clamp(0.0, 1.0);
        delay + delay.mul_f64(share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_borders_of_a_schedule() {
        assert!(RetrySchedule::from_seconds(&[0, MAX_DELAY_SECONDS]).is_ok());
        let long = MAX_DELAY_SECONDS + 1;
        assert_eq!(RetrySchedule::from_seconds(&[1, long]), Err(ScheduleError::TooLong));
        assert!(RetrySchedule::from_seconds(&[1; MAX_RETRIES]).is_ok());
        assert_eq!(RetrySchedule::from_seconds(&[1; 51]), Err(ScheduleError::TooMany));
    }

    #[test]
    fn an_empty_schedule_is_a_single_attempt() {
        assert_eq!(RetrySchedule::from_seconds(&[]).unwrap().delay_after(0), None);
    }

    #[test]
    fn jitter_stays_between_nothing_and_its_share() {
        let (jitter, delay) = (Jitter::percent(15), Duration::from_secs(100));
        assert_eq!(jitter.stretch(delay, 0.0), delay);
        assert_eq!(jitter.stretch(delay, 1.0), Duration::from_secs(115));
        assert_eq!(jitter.stretch(delay, f64::INFINITY), Duration::from_secs(115));
        assert_eq!(jitter.stretch(delay, -1.0), delay);
    }
}

//! How many requests an endpoint may get in a time: by its contract, or by windows of its own.

use crate::file;
use crate::problems::Problems;
use std::ops::RangeInclusive;
use std::time::Duration;
use toml::Spanned;

/// How many requests a window may hold.
const REQUESTS: RangeInclusive<i64> = 1..=1_000_000_000;
/// How long a window may be.
const SECONDS: RangeInclusive<i64> = 1..=86_400;
/// How many windows an endpoint may have of its own.
const OWN_WINDOWS: RangeInclusive<usize> = 1..=2;

/// At most so many requests to one endpoint in any stretch of so long. Every request counts:
/// retries, tests and replays too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateWindow {
    /// At least 1.
    pub requests: u32,
    /// At least a second.
    pub length: Duration,
}

impl RateWindow {
    pub(crate) fn read_all(
        problems: &mut Problems<'_>,
        given: &[Spanned<file::RateWindow>],
    ) -> Vec<Self> {
        let mut windows: Vec<Self> = Vec::new();
        for (place, window) in given.iter().enumerate() {
            let key = format!("endpoint.rate_limit[{place}]");
            let file::RateWindow { requests, seconds } = window.get_ref();
            let requests =
                problems.whole(requests, format!("{key}.requests"), REQUESTS, " requests");
            let seconds = problems.whole(seconds, format!("{key}.seconds"), SECONDS, " s");
            let (Some(requests), Some(seconds)) = (requests, seconds) else { continue };
            let length = Duration::from_secs(seconds);
            if windows.iter().any(|one| one.length == length) {
                problems.add(window.span(), key, "another window has the same length");
            }
            windows.push(Self { requests, length });
        }
        windows
    }
}

/// One or two windows that an endpoint has of its own; they stand in the place of its contract's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnRateLimit(Vec<RateWindow>);

/// The windows are no rate limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RateLimitError {
    /// None at all, or more than two.
    #[error("must have one or two windows")]
    Count,
    /// A window without a request, or with too many.
    #[error("requests must be {} to {}", REQUESTS.start(), REQUESTS.end())]
    Requests,
    /// A window that is too short or too long.
    #[error("seconds must be {} to {}", SECONDS.start(), SECONDS.end())]
    Seconds,
    /// Two windows of one length, of which one would mean nothing.
    #[error("must have windows of different lengths")]
    SameLength,
}

impl OwnRateLimit {
    /// The limit that these windows make together, each of so many requests and seconds; their order
    /// is kept.
    pub fn from_numbers(windows: &[(u32, u32)]) -> Result<Self, RateLimitError> {
        if !OWN_WINDOWS.contains(&windows.len()) {
            return Err(RateLimitError::Count);
        }
        let mut own: Vec<RateWindow> = Vec::with_capacity(windows.len());
        for &(requests, seconds) in windows {
            if !REQUESTS.contains(&requests.into()) {
                return Err(RateLimitError::Requests);
            }
            if !SECONDS.contains(&seconds.into()) {
                return Err(RateLimitError::Seconds);
            }
            let length = Duration::from_secs(seconds.into());
            if own.iter().any(|window| window.length == length) {
                return Err(RateLimitError::SameLength);
            }
            own.push(RateWindow { requests, length });
        }
        Ok(Self(own))
    }

    /// The windows.
    pub fn windows(&self) -> &[RateWindow] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_or_two_windows_are_a_limit() {
        let one = OwnRateLimit::from_numbers(&[(1_000_000_000, 86_400)]).unwrap();
        let day = RateWindow { requests: 1_000_000_000, length: Duration::from_hours(24) };
        assert_eq!(one.windows(), [day]);
        let two = OwnRateLimit::from_numbers(&[(5, 60), (1, 1)]).unwrap();
        let requests: Vec<u32> = two.windows().iter().map(|window| window.requests).collect();
        assert_eq!(requests, [5, 1], "in the order given");
    }

    #[test]
    fn all_else_is_none() {
        let cases: [(&[(u32, u32)], RateLimitError); 8] = [
            (&[], RateLimitError::Count),
            (&[(1, 1), (1, 2), (1, 3)], RateLimitError::Count),
            (&[(0, 1)], RateLimitError::Requests),
            (&[(1, 1), (1_000_000_001, 2)], RateLimitError::Requests),
            (&[(1, 0)], RateLimitError::Seconds),
            (&[(1, 86_401)], RateLimitError::Seconds),
            (&[(1, 1), (u32::MAX, u32::MAX)], RateLimitError::Requests),
            (&[(1, 7), (2, 7)], RateLimitError::SameLength),
        ];
        for (windows, error) in cases {
            assert_eq!(OwnRateLimit::from_numbers(windows), Err(error), "{windows:?}");
        }
    }
}

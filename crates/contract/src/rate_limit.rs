//! How many requests an endpoint may get in a time.

use crate::file;
use crate::problems::Problems;
use std::time::Duration;
use toml::Spanned;

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
                problems.whole(requests, format!("{key}.requests"), 1..=1_000_000_000, " requests");
            let seconds = problems.whole(seconds, format!("{key}.seconds"), 1..=86_400, " s");
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

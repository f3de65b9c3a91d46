//! The windows that hold for an endpoint, and what follows from their lengths. What was started is the log's.

use postrider_contract::RateWindow;
use std::time::Duration;
use time::OffsetDateTime;

/// How many parts of a window the log tells apart.
const STEPS: u32 = 200;
/// The margin, as a part of the shortest window, and its bounds.
const MARGIN: u32 = 50;
const LEAST_MARGIN: Duration = Duration::from_millis(50);
const MOST_MARGIN: Duration = Duration::from_secs(5);
/// For how long room is left to grow, as a part of the shortest window, and at most.
const PATIENCE: u32 = 40;
const MOST_PATIENCE: Duration = Duration::from_millis(250);

/// The windows of a limit, its contract's or the endpoint's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// The shortest first; at least one.
    windows: Vec<RateWindow>,
}

impl RateLimit {
    /// The limit that these windows make together; without one there is none.
    pub fn new(windows: &[RateWindow]) -> Option<Self> {
        if windows.is_empty() {
            return None;
        }
        let mut windows = windows.to_vec();
        windows.sort_by_key(|window| window.length);
        Some(Self { windows })
    }

    /// How long after its reservation an attempt may start.
    pub fn margin(&self) -> Duration {
        (self.shortest() / MARGIN).clamp(LEAST_MARGIN, MOST_MARGIN)
    }

    /// The shortest first.
    pub(super) fn windows(&self) -> impl Iterator<Item = &RateWindow> {
        self.windows.iter()
    }

    /// For how long a reservation counts in a window.
    pub(super) fn counts_for(&self, window: &RateWindow) -> Duration {
        window.length + self.margin()
    }

    /// How many may start at one time.
    pub(super) fn at_once(&self) -> u32 {
        self.windows.iter().map(|window| window.requests).min().unwrap_or_default()
    }

    /// How long after the first room there is somebody is told of it, so that there is more.
    pub(super) fn patience(&self) -> Duration {
        (self.shortest() / PATIENCE).min(MOST_PATIENCE)
    }

    /// Whether two times are in one step of this window.
    pub(super) fn are_close(
        window: &RateWindow,
        one: OffsetDateTime,
        other: OffsetDateTime,
    ) -> bool {
        let step = (window.length / STEPS).as_nanos().cast_signed().max(1);
        let place = |time: OffsetDateTime| time.unix_timestamp_nanos().div_euclid(step);
        place(one) == place(other)
    }

    fn shortest(&self) -> Duration {
        self.windows.iter().map(|window| window.length).min().unwrap_or_default()
    }
}

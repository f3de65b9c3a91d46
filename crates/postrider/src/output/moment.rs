//! Times as people read them: UTC, to the second.

use serde::Deserialize;
use std::fmt;
use time::{OffsetDateTime, UtcOffset};

/// A time that the API answered.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Moment(#[serde(with = "time::serde::rfc3339")] OffsetDateTime);

impl Moment {
    /// The time, or a dash when there is none.
    pub(crate) fn or_dash(moment: Option<Self>) -> String {
        moment.map_or_else(|| "-".to_owned(), |moment| moment.to_string())
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.0.to_offset(UtcOffset::UTC);
        let (hour, minute, second) = at.to_hms();
        write!(f, "{} {hour:02}:{minute:02}:{second:02}Z", at.date())
    }
}

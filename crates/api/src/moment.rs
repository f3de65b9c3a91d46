//! A time as products' documents write it: RFC 3339, UTC, whole seconds, `Z`.

use serde::{Serialize, Serializer};
use serde_json::Value;
use std::fmt;
use time::{OffsetDateTime, UtcOffset};

/// A time, rounded down to a second where it is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment(pub(crate) OffsetDateTime);

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.0.to_offset(UtcOffset::UTC);
        let (year, month, day) = at.to_calendar_date();
        let (hour, minute, second) = at.to_hms();
        let month = u8::from(month);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl From<Moment> for Value {
    fn from(moment: Moment) -> Self {
        Self::String(moment.to_string())
    }
}

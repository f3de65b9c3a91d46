//! The range of a `google.protobuf.Timestamp`, as its definition states it.

use prost_types::Timestamp;
use time::OffsetDateTime;

/// 0001-01-01T00:00:00Z.
const FIRST_SECOND: i64 = -62_135_596_800;
/// 9999-12-31T23:59:59Z.
const LAST_SECOND: i64 = 253_402_300_799;

/// The timestamp is outside the range that its definition allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be between the years 1 and 9999, with 0 to 999,999,999 nanoseconds")]
pub(super) struct TimestampError;

/// The instant that a timestamp names.
pub(super) fn instant(timestamp: Timestamp) -> Result<OffsetDateTime, TimestampError> {
    let nanos = u32::try_from(timestamp.nanos).map_err(|_| TimestampError)?;
    if !(FIRST_SECOND..=LAST_SECOND).contains(&timestamp.seconds) {
        return Err(TimestampError);
    }
    OffsetDateTime::from_unix_timestamp(timestamp.seconds)
        .and_then(|second| second.replace_nanosecond(nanos))
        .map_err(|_| TimestampError)
}

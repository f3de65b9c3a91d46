//! This machine's clock, for the developer's tools: what they show, and the age of a signature. When a
//! delivery is due is decided by the database's clock alone.

use time::OffsetDateTime;

/// Now, in UTC.
#[expect(clippy::disallowed_methods, reason = "nothing here decides when something is due")]
pub(crate) fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

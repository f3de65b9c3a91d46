//! Time: SQLite's own clock, which every comparison of times uses.

use super::error::StoreResultExt as _;
use crate::error::StoreError;
use crate::rows::StoredTime;
use sqlx::SqliteConnection;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use time::OffsetDateTime;

/// SQLite counts milliseconds.
const NOW: &str = "SELECT CAST(round(unixepoch('subsec') * 1000) AS INTEGER) * 1000";
/// How far the clock must be behind what it said before to count as set back.
const SET_BACK: i64 = 1_000_000;

/// A time as it is stored: microseconds of Unix time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, sqlx::Type)]
#[sqlx(transparent)]
pub(super) struct Micros(i64);

impl Micros {
    /// So much later.
    pub(super) fn after(self, by: Duration) -> Self {
        Self(self.0.saturating_add(micros(by)))
    }

    /// So much earlier.
    pub(super) fn before(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(micros(by)))
    }

    /// How much later it is; nothing, if it is earlier.
    pub(super) fn since(self, earlier: Self) -> Duration {
        let micros = self.0.saturating_sub(earlier.0);
        Duration::from_micros(u64::try_from(micros).unwrap_or_default())
    }

    /// For the rows of a batch.
    pub(super) fn as_i64(self) -> i64 {
        self.0
    }
}

/// A duration as it is stored.
pub(super) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

impl From<OffsetDateTime> for Micros {
    fn from(time: OffsetDateTime) -> Self {
        // Every OffsetDateTime is within 10,000 years of 1970.
        Self(i64::try_from(time.unix_timestamp_nanos().div_euclid(1_000)).unwrap_or(i64::MAX))
    }
}

impl TryFrom<Micros> for OffsetDateTime {
    type Error = StoreError;

    fn try_from(micros: Micros) -> Result<Self, StoreError> {
        Self::from_unix_timestamp_nanos(i128::from(micros.0) * 1_000)
            .map_err(|_| StoreError::Unreadable { what: "time" })
    }
}

impl StoredTime for Micros {
    fn read(self) -> Result<OffsetDateTime, StoreError> {
        self.try_into()
    }
}

/// Reads the clock. What it says is later each time, as the order of what is due at once depends on
/// it: within a millisecond it counts on by itself.
#[derive(Debug, Default)]
pub(super) struct Clock {
    last: AtomicI64,
}

impl Clock {
    /// The time on SQLite's clock.
    pub(super) async fn now(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<Micros, StoreError> {
        let read: i64 = sqlx::query_scalar(NOW).fetch_one(connection).await.or_store_error()?;
        let later = |last: i64| if set_back(read, last) { read } else { read.max(last + 1) };
        let last = self.last.update(Ordering::Relaxed, Ordering::Relaxed, later);
        Ok(Micros(later(last)))
    }
}

fn set_back(read: i64, last: i64) -> bool {
    last.saturating_sub(read) > SET_BACK
}

//! An endpoint's statistics, added up, and what they stand for.

use super::{StoredTime, time};
use crate::endpoints::EndpointStatistics;
use crate::error::StoreError;
use postrider_common::id::EndpointId;
use sqlx::FromRow;
use uuid::Uuid;

/// The sums over an endpoint's rows of `endpoint_stats`.
#[derive(FromRow)]
pub(crate) struct StatisticsRow<Time> {
    endpoint_id: Uuid,
    attempted: i64,
    dead: i64,
    last_attempt_at: Option<Time>,
}

impl<Time: StoredTime> StatisticsRow<Time> {
    /// What they say, by endpoint. What is taken back may be counted before what it takes back, so a
    /// sum below 0 is none.
    pub(crate) fn into_entry(self) -> Result<(EndpointId, EndpointStatistics), StoreError> {
        let count = |sum: i64| u64::try_from(sum).unwrap_or(0);
        let statistics = EndpointStatistics {
            attempted: count(self.attempted),
            dead: count(self.dead),
            last_attempt_at: time(self.last_attempt_at)?,
        };
        Ok((EndpointId::from_uuid(self.endpoint_id), statistics))
    }
}

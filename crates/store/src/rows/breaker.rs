//! A breaker's row, and what it stands for.

use super::{StoredTime, time};
use crate::breaker::{Breaker, BreakerMoved};
use crate::error::StoreError;
use postrider_common::breaker::BreakerState;
use postrider_common::id::EndpointId;
use sqlx::FromRow;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// A row of `endpoint_breaker`, and the database's time.
#[derive(FromRow)]
pub(crate) struct BreakerRow<Time> {
    endpoint_id: Uuid,
    state: String,
    down_since: Time,
    changed_at: Time,
    probe_at: Option<Time>,
    now: Time,
}

impl<Time: StoredTime> BreakerRow<Time> {
    pub(crate) fn into_breaker(self) -> Result<Breaker, StoreError> {
        let state = BreakerState::from_name(&self.state)
            .ok_or(StoreError::Unreadable { what: "breaker" })?;
        let since = match state {
            BreakerState::Open | BreakerState::HalfOpen => self.down_since.read()?,
            BreakerState::Closed => self.changed_at.read()?,
        };
        let probe_at: Option<OffsetDateTime> = time(self.probe_at)?;
        Ok(Breaker {
            endpoint: EndpointId::from_uuid(self.endpoint_id),
            state,
            since,
            age: Duration::try_from(self.now.read()? - since).unwrap_or_default(),
            next_probe_at: probe_at.filter(|_| state == BreakerState::Open),
        })
    }
}

/// What changing so many rows of one endpoint says.
pub(crate) fn moved(rows: u64) -> BreakerMoved {
    if rows == 0 { BreakerMoved::Elsewhere } else { BreakerMoved::Moved }
}

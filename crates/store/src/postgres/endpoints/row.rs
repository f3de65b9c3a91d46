//! An endpoint's row, and the endpoint that it stands for.

use crate::error::StoreError;
use postrider_common::endpoint::{DisableReason, Disabled, Endpoint, EventFilter};
use postrider_common::id::EndpointId;
use postrider_common::seal::Sealed;
use postrider_common::tenant::TenantId;
use postrider_contract::RetrySchedule;
use sqlx::FromRow;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

#[derive(FromRow)]
pub(super) struct EndpointRow {
    id: Uuid,
    tenant_id: String,
    public_id: String,
    contract: String,
    url: String,
    description: String,
    events: Vec<String>,
    secret: Vec<u8>,
    active: bool,
    disabled_at: Option<OffsetDateTime>,
    disabled_reason: Option<String>,
    retry_schedule: Option<Vec<i32>>,
    timeout_s: Option<i32>,
    version: i64,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl TryFrom<EndpointRow> for Endpoint {
    type Error = StoreError;

    fn try_from(row: EndpointRow) -> Result<Self, StoreError> {
        let unreadable = |what| StoreError::Unreadable { what };
        Ok(Self {
            id: EndpointId::from_uuid(row.id),
            public_id: row.public_id,
            tenant: TenantId::parse(row.tenant_id).map_err(|_| unreadable("tenant id"))?,
            contract: row.contract,
            url: row.url,
            description: row.description,
            events: EventFilter::parse(row.events).map_err(|_| unreadable("event filter"))?,
            secret: Sealed::from_bytes(row.secret),
            active: row.active,
            disabled: disabled(row.disabled_at, row.disabled_reason.as_deref())?,
            retry_schedule: row.retry_schedule.as_deref().map(schedule).transpose()?,
            timeout: row.timeout_s.map(seconds).transpose()?,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

fn disabled(
    at: Option<OffsetDateTime>,
    reason: Option<&str>,
) -> Result<Option<Disabled>, StoreError> {
    let Some((at, reason)) = at.zip(reason) else {
        return Ok(None);
    };
    let reason = DisableReason::from_name(reason)
        .ok_or(StoreError::Unreadable { what: "reason to disable" })?;
    Ok(Some(Disabled { at, reason }))
}

fn schedule(delays: &[i32]) -> Result<RetrySchedule, StoreError> {
    let unreadable = StoreError::Unreadable { what: "retry schedule" };
    let delays: Result<Vec<u32>, _> = delays.iter().map(|delay| u32::try_from(*delay)).collect();
    delays.ok().and_then(|delays| RetrySchedule::from_seconds(&delays).ok()).ok_or(unreadable)
}

fn seconds(timeout: i32) -> Result<Duration, StoreError> {
    let timeout =
        u64::try_from(timeout).map_err(|_| StoreError::Unreadable { what: "time-out" })?;
    Ok(Duration::from_secs(timeout))
}

/// A schedule as its column.
pub(super) fn schedule_column(schedule: &RetrySchedule) -> Vec<i32> {
    schedule.seconds().iter().map(|delay| i32::try_from(*delay).unwrap_or(i32::MAX)).collect()
}

/// A time-out as its column.
pub(super) fn timeout_column(timeout: Duration) -> i32 {
    i32::try_from(timeout.as_secs()).unwrap_or(i32::MAX)
}

//! An endpoint's row, and the endpoint that it stands for.

use crate::error::StoreError;
use crate::sqlite::batch::json;
use crate::sqlite::clock::Micros;
use postrider_common::endpoint::{DisableReason, Disabled, Endpoint, EventFilter};
use postrider_common::id::EndpointId;
use postrider_common::seal::Sealed;
use postrider_common::tenant::TenantId;
use postrider_contract::RetrySchedule;
use sqlx::FromRow;
use std::time::Duration;
use uuid::Uuid;

#[derive(FromRow)]
pub(super) struct EndpointRow {
    id: Uuid,
    tenant_id: String,
    public_id: String,
    contract: String,
    url: String,
    description: String,
    events: String,
    secret: Vec<u8>,
    active: bool,
    disabled_at: Option<Micros>,
    disabled_reason: Option<String>,
    retry_schedule: Option<String>,
    timeout_s: Option<u32>,
    version: i64,
    created_at: Micros,
    updated_at: Micros,
}

impl TryFrom<EndpointRow> for Endpoint {
    type Error = StoreError;

    fn try_from(row: EndpointRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: EndpointId::from_uuid(row.id),
            public_id: row.public_id,
            tenant: TenantId::parse(row.tenant_id).map_err(|_| unreadable("tenant id"))?,
            contract: row.contract,
            url: row.url,
            description: row.description,
            events: events(&row.events).ok_or(unreadable("event filter"))?,
            secret: Sealed::from_bytes(row.secret),
            active: row.active,
            disabled: disabled(row.disabled_at, row.disabled_reason.as_deref())?,
            retry_schedule: row.retry_schedule.as_deref().map(schedule).transpose()?,
            timeout: row.timeout_s.map(|seconds| Duration::from_secs(seconds.into())),
            version: row.version,
            created_at: row.created_at.try_into()?,
            updated_at: row.updated_at.try_into()?,
        })
    }
}

fn unreadable(what: &'static str) -> StoreError {
    StoreError::Unreadable { what }
}

fn events(names: &str) -> Option<EventFilter> {
    EventFilter::parse(serde_json::from_str(names).ok()?).ok()
}

fn disabled(at: Option<Micros>, reason: Option<&str>) -> Result<Option<Disabled>, StoreError> {
    let Some((at, reason)) = at.zip(reason) else {
        return Ok(None);
    };
    let reason = DisableReason::from_name(reason).ok_or(unreadable("reason to disable"))?;
    Ok(Some(Disabled { at: at.try_into()?, reason }))
}

fn schedule(delays: &str) -> Result<RetrySchedule, StoreError> {
    let delays: Option<Vec<u32>> = serde_json::from_str(delays).ok();
    delays
        .and_then(|delays| RetrySchedule::from_seconds(&delays).ok())
        .ok_or(unreadable("retry schedule"))
}

/// A filter as its column.
pub(super) fn list_column(filter: &EventFilter) -> Result<String, StoreError> {
    json(filter.names())
}

/// A schedule as its column.
pub(super) fn schedule_column(schedule: &RetrySchedule) -> Result<String, StoreError> {
    json(&schedule.seconds())
}

/// A time-out as its column.
pub(super) fn timeout_column(timeout: Duration) -> u32 {
    u32::try_from(timeout.as_secs()).unwrap_or(u32::MAX)
}

//! An endpoint's row, and the endpoint that it stands for.

use super::{StoredList, StoredTime, natural, tenant, time, unreadable};
use crate::error::StoreError;
use postrider_common::endpoint::{DisableReason, Disabled, Endpoint, EventFilter, PreviousSecret};
use postrider_common::id::EndpointId;
use postrider_common::ordering::{EndpointOrdering, OnFailure};
use postrider_common::seal::Sealed;
use postrider_contract::{BackoffOverrides, OwnRateLimit, RetrySchedule};
use sqlx::FromRow;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// A row of `endpoints` with `contract`, the name of its own contract or else of its tenant's, and
/// `rotating`, whether its previous secret is still valid.
#[derive(FromRow)]
pub(crate) struct EndpointRow<Time, Names, Numbers> {
    id: Uuid,
    tenant_id: String,
    public_id: String,
    contract: String,
    own_contract: Option<String>,
    url: String,
    description: String,
    events: Names,
    secret: Vec<u8>,
    previous_secret: Option<Vec<u8>>,
    previous_until: Option<Time>,
    rotating: bool,
    second_secret: Option<Vec<u8>>,
    active: bool,
    disabled_at: Option<Time>,
    disabled_reason: Option<String>,
    auto_enable: bool,
    probe_at: Option<Time>,
    ordering: Option<String>,
    ordering_on_failure: String,
    retry_schedule: Option<Numbers>,
    max_retries: Option<i32>,
    first_delay_s: Option<i32>,
    retry_factor: Option<f64>,
    timeout_s: Option<i32>,
    rate_limit: Option<Numbers>,
    version: i64,
    created_at: Time,
    updated_at: Time,
}

impl<Time, Names, Numbers> TryFrom<EndpointRow<Time, Names, Numbers>> for Endpoint
where
    Time: StoredTime,
    Names: StoredList<String>,
    Numbers: StoredList<i32>,
{
    type Error = StoreError;

    fn try_from(row: EndpointRow<Time, Names, Numbers>) -> Result<Self, StoreError> {
        let probe_at = time(row.probe_at)?;
        let seconds = |number| natural(number).map(|seconds| Duration::from_secs(seconds.into()));
        Ok(Self {
            id: EndpointId::from_uuid(row.id),
            public_id: row.public_id,
            tenant: tenant(row.tenant_id)?,
            contract: row.contract,
            own_contract: row.own_contract,
            url: row.url,
            description: row.description,
            events: filter(row.events).ok_or(unreadable("event filter"))?,
            secret: Sealed::from_bytes(row.secret),
            previous_secret: previous_secret(row.previous_secret, time(row.previous_until)?)
                .filter(|_| row.rotating),
            second_secret: row.second_secret.map(Sealed::from_bytes),
            active: row.active,
            disabled: disabled(time(row.disabled_at)?, row.disabled_reason.as_deref())?
                .map(|off| probed(off, row.active && row.auto_enable, probe_at)),
            auto_enable: row.auto_enable,
            ordering: EndpointOrdering {
                by_key: row.ordering.is_some(),
                on_failure: OnFailure::from_name(&row.ordering_on_failure)
                    .ok_or(unreadable("ordering"))?,
            },
            retry_schedule: row.retry_schedule.map(schedule).transpose()?,
            backoff: BackoffOverrides {
                max_retries: row.max_retries.map(natural).transpose()?,
                first_delay: row.first_delay_s.map(natural).transpose()?,
                factor: row.retry_factor,
            },
            timeout: row.timeout_s.map(seconds).transpose()?,
            rate_limit: row.rate_limit.map(rate_limit).transpose()?,
            version: row.version,
            created_at: row.created_at.read()?,
            updated_at: row.updated_at.read()?,
        })
    }
}

fn filter(names: impl StoredList<String>) -> Option<EventFilter> {
    EventFilter::parse(names.read()?).ok()
}

fn previous_secret(
    secret: Option<Vec<u8>>,
    until: Option<OffsetDateTime>,
) -> Option<PreviousSecret> {
    let (secret, until) = secret.zip(until)?;
    Some(PreviousSecret { secret: Sealed::from_bytes(secret), until })
}

fn disabled(
    at: Option<OffsetDateTime>,
    reason: Option<&str>,
) -> Result<Option<Disabled>, StoreError> {
    let Some((at, reason)) = at.zip(reason) else {
        return Ok(None);
    };
    let reason = DisableReason::from_name(reason).ok_or(unreadable("reason to disable"))?;
    Ok(Some(Disabled { at, reason, next_probe_at: None }))
}

/// One that nobody has said a time of was switched off before there were probes: it is due.
fn probed(off: Disabled, is_wanted: bool, probe_at: Option<OffsetDateTime>) -> Disabled {
    let is_probed = is_wanted && off.reason.may_pass();
    Disabled { next_probe_at: is_probed.then(|| probe_at.unwrap_or(off.at)), ..off }
}

fn schedule(delays: impl StoredList<i32>) -> Result<RetrySchedule, StoreError> {
    let parse = || {
        let delays: Result<Vec<u32>, _> = delays.read()?.into_iter().map(u32::try_from).collect();
        RetrySchedule::from_seconds(&delays.ok()?).ok()
    };
    parse().ok_or(unreadable("retry schedule"))
}

/// Requests and seconds, window after window.
fn rate_limit(numbers: impl StoredList<i32>) -> Result<OwnRateLimit, StoreError> {
    let parse = || {
        let numbers: Result<Vec<u32>, _> = numbers.read()?.into_iter().map(u32::try_from).collect();
        let numbers = numbers.ok()?;
        let (windows, []) = numbers.as_chunks() else { return None };
        let windows: Vec<(u32, u32)> = windows.iter().map(|&[one, other]| (one, other)).collect();
        OwnRateLimit::from_numbers(&windows).ok()
    };
    parse().ok_or(unreadable("rate limit"))
}

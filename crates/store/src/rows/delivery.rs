//! A delivery's row, alone or with one of its attempts, and what they stand for.

use super::event::event_type;
use super::{StoredTime, duration, failure, natural, state, status, tenant, time, unreadable};
use crate::error::StoreError;
use crate::log::{AttemptSummary, DeliveryAndLast, LoggedAttempt};
use postrider_common::contract_version::ContractVersion;
use postrider_common::delivery::{DeadReason, Delivery, DeliveryState};
use postrider_common::id::{DeliveryId, EventId};
use sqlx::FromRow;
use uuid::Uuid;

/// A row of `deliveries` with what its event and its endpoint are called.
#[derive(FromRow)]
pub(crate) struct DeliveryRow<Time> {
    id: Uuid,
    tenant_id: String,
    event_id: Uuid,
    given_id: Option<String>,
    event_type: String,
    public_id: String,
    contract: String,
    contract_version: Option<i32>,
    test: bool,
    ordering_key: Option<String>,
    sequence: Option<i64>,
    /// Only some statements say so.
    #[sqlx(default)]
    waits_for: Option<Uuid>,
    state: String,
    dead_reason: Option<String>,
    round: i32,
    attempts: i32,
    next_attempt_at: Option<Time>,
    last_status: Option<i16>,
    last_failure: Option<String>,
    created_at: Time,
    finished_at: Option<Time>,
    discarded_at: Option<Time>,
}

impl<Time: StoredTime> TryFrom<DeliveryRow<Time>> for Delivery {
    type Error = StoreError;

    fn try_from(row: DeliveryRow<Time>) -> Result<Self, StoreError> {
        let reason = |name: String| DeadReason::from_name(&name).ok_or(unreadable("reason"));
        let state = state(&row.state)?;
        let awaits_attempt =
            matches!(state, DeliveryState::Queued | DeliveryState::Scheduled | DeliveryState::Held);
        Ok(Self {
            id: DeliveryId::from_uuid(row.id),
            tenant: tenant(row.tenant_id)?,
            event: EventId::from_uuid(row.event_id),
            given_event_id: row.given_id,
            event_type: event_type(row.event_type)?,
            endpoint: row.public_id,
            contract: row.contract,
            contract_version: row.contract_version.map(ContractVersion::from_number),
            test: row.test,
            ordering_key: row.ordering_key,
            sequence: row.sequence,
            waits_for: row.waits_for.map(DeliveryId::from_uuid),
            state,
            dead_reason: row.dead_reason.map(reason).transpose()?,
            round: natural(row.round)?,
            attempts: natural(row.attempts)?,
            next_attempt_at: time(row.next_attempt_at.filter(|_| awaits_attempt))?,
            last_status: row.last_status.map(status).transpose()?,
            last_failure: failure(row.last_failure)?,
            created_at: row.created_at.read()?,
            finished_at: time(row.finished_at)?,
            discarded_at: time(row.discarded_at)?,
        })
    }
}

/// A delivery's row with an attempt of its, if there is any.
#[derive(FromRow)]
pub(crate) struct DeliveryAttemptRow<Time> {
    #[sqlx(flatten)]
    delivery: DeliveryRow<Time>,
    number: Option<i32>,
    started_at: Option<Time>,
    duration_us: Option<i64>,
    status: Option<i16>,
    failure: Option<String>,
}

impl<Time: StoredTime> TryFrom<DeliveryAttemptRow<Time>> for DeliveryAndLast {
    type Error = StoreError;

    fn try_from(row: DeliveryAttemptRow<Time>) -> Result<Self, StoreError> {
        let delivery = Delivery::try_from(row.delivery)?;
        let (Some(number), Some(started_at), Some(micros)) =
            (row.number, row.started_at, row.duration_us)
        else {
            return Ok((delivery, None));
        };
        let attempt = AttemptSummary {
            number: natural(number)?,
            started_at: started_at.read()?,
            duration: duration(micros),
            status: row.status.map(status).transpose()?,
            failure: failure(row.failure)?,
        };
        Ok((delivery, Some(attempt)))
    }
}

impl<Time: StoredTime> TryFrom<DeliveryAttemptRow<Time>> for LoggedAttempt {
    type Error = StoreError;

    fn try_from(row: DeliveryAttemptRow<Time>) -> Result<Self, StoreError> {
        let (delivery, attempt) = DeliveryAndLast::try_from(row)?;
        Ok(Self { delivery, attempt: attempt.ok_or(unreadable("attempt"))? })
    }
}

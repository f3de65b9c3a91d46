//! A settlement as rows of batches: its lease, its verdict, its attempt's log.

use crate::error::StoreError;
use crate::sqlite::batch::{Bytes, Slice, json};
use crate::sqlite::clock::{Micros, micros};
use crate::work::Settlement;
use postrider_common::attempt::FailureKind;
use postrider_common::delivery::{DeadReason, DeliveryState, Transition};
use postrider_common::id::DeliveryId;
use serde::Serialize;
use uuid::Uuid;

#[derive(Serialize)]
pub(super) struct LeaseRow {
    id: DeliveryId,
    token: Uuid,
    succeeded: bool,
}

impl LeaseRow {
    pub(super) fn of(settlement: &Settlement) -> Self {
        let succeeded = settlement.transition.is_success();
        Self { id: settlement.delivery, token: settlement.token.as_uuid(), succeeded }
    }
}

#[derive(Serialize)]
pub(super) struct VerdictRow {
    id: DeliveryId,
    state: &'static str,
    delay_us: i64,
    failures: u32,
    reason: Option<&'static str>,
    status: Option<u16>,
    failure: Option<&'static str>,
}

impl VerdictRow {
    pub(super) fn of(settlement: &Settlement) -> Self {
        let record = &settlement.record;
        let (state, delay_us, failures, reason) = match settlement.transition {
            Transition::Delivered | Transition::DeliveredLast => {
                (DeliveryState::Delivered, 0, 0, None)
            }
            Transition::Dead { reason, .. } => (DeliveryState::Dead, 0, 0, Some(reason)),
            Transition::Retry { delay, progress } => {
                (DeliveryState::Scheduled, micros(delay), progress.failures, None)
            }
        };
        Self {
            id: settlement.delivery,
            state: state.as_str(),
            delay_us,
            failures,
            reason: reason.map(DeadReason::as_str),
            status: record.response.as_ref().map(|response| response.status),
            failure: record.failure.map(FailureKind::as_str),
        }
    }
}

#[derive(Serialize)]
pub(super) struct AttemptRow<'a> {
    id: DeliveryId,
    number: u32,
    started_at: i64,
    duration_us: i64,
    failure: Option<&'static str>,
    url: &'a str,
    contract: &'a str,
    contract_digest: Option<String>,
    request_headers: String,
    status: Option<u16>,
    response_headers: Option<String>,
    response_body: Option<Slice>,
    response_end: Option<&'a str>,
}

impl<'a> AttemptRow<'a> {
    /// The row of an attempt, whose answer's body goes to the others.
    pub(super) fn of(settlement: &'a Settlement, bodies: &mut Bytes) -> Result<Self, StoreError> {
        let record = &settlement.record;
        let response = record.response.as_ref();
        Ok(Self {
            id: settlement.delivery,
            number: settlement.attempt,
            started_at: Micros::from(record.started_at).as_i64(),
            duration_us: micros(record.duration),
            failure: record.failure.map(FailureKind::as_str),
            url: &record.url,
            contract: &record.contract,
            contract_digest: record.contract_digest.map(|digest| digest.to_string()),
            request_headers: json(&record.request_headers)?,
            status: response.map(|response| response.status),
            response_headers: response.map(|response| json(&response.headers)).transpose()?,
            response_body: response.map(|response| bodies.push(&response.body)),
            response_end: response.map(|response| response.body_end.as_str()),
        })
    }
}

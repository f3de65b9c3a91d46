//! From a request to an event that the store can take: every rule that a field can break, without
//! any I/O.
//!
//! Who may publish for which tenant is decided before (`auth`); here its verdict is only collected
//! with the others, so that a caller learns everything at once.

mod metadata;
mod time;

use crate::fingerprint::fingerprint;
use crate::proto::PublishEventRequest;
use ::time::OffsetDateTime;
use bytes::Bytes;
use postrider_common::event::{EventType, GivenId, MAX_DELIVER_AHEAD};
use postrider_common::id::EventId;
use postrider_common::ordering::OrderingKey;
use postrider_common::tenant::TenantId;
use postrider_contract::json::normalise_object;
use postrider_store::NewEvent;
use prost_types::Timestamp;
use std::fmt::Display;
use tonic_types::FieldViolation;

/// The largest payload, in bytes, as the producer sends it; its normal form may be larger.
pub const MAX_PAYLOAD_BYTES: usize = 256 * 1024;

/// Validates a request. `id` is what the event is called if it turns out to be new.
///
/// # Errors
///
/// Every field that breaks a rule, in the order of the request's fields, each once, but for the
/// metadata, which is named once for each of its rules.
pub fn validate(
    id: EventId,
    tenant: Result<TenantId, FieldViolation>,
    request: PublishEventRequest,
) -> Result<NewEvent, Vec<FieldViolation>> {
    let mut broken = Violations::default();
    let tenant = tenant.map_err(|violation| broken.0.push(violation)).ok();
    let event_type = broken.take("event_type", EventType::parse(request.event_type));
    let payload = broken.take("payload", payload(&request.payload));
    let given_id = broken.optional("event_id", request.event_id.map(GivenId::parse));
    let idempotency_key =
        broken.optional("idempotency_key", request.idempotency_key.map(GivenId::parse));
    let occurred_at = broken.optional("occurred_at", request.occurred_at.map(time::instant));
    let metadata = metadata::check(request.metadata, &mut broken);
    let both = request.ordering_key.is_some() && request.deliver_at.is_some();
    let ordering_key = broken.optional(
        "ordering_key",
        request.ordering_key.map(|key| alone(both, "deliver_at").and_then(|()| ordering_key(key))),
    );
    let deliver_at = broken.optional(
        "deliver_at",
        request.deliver_at.map(|at| alone(both, "ordering_key").and_then(|()| deliver_at(at))),
    );
    let (Some(tenant), Some(event_type), Some(payload), true) =
        (tenant, event_type, payload, broken.0.is_empty())
    else {
        return Err(broken.0);
    };
    let fingerprint = fingerprint(
        &event_type,
        &payload,
        given_id.as_ref(),
        occurred_at,
        &metadata,
        ordering_key.as_ref(),
        deliver_at,
    );
    Ok(NewEvent {
        id,
        tenant,
        given_id,
        idempotency_key,
        fingerprint,
        event_type,
        payload,
        metadata,
        occurred_at,
        deliver_at,
        ordering_key,
        trace: None,
    })
}

/// Refuses a field that stands beside another that it contradicts.
fn alone(beside: bool, other: &str) -> Result<(), String> {
    if beside { Err(format!("cannot be combined with {other}")) } else { Ok(()) }
}

fn ordering_key(given: String) -> Result<OrderingKey, String> {
    OrderingKey::parse(given).map_err(|error| error.to_string())
}

fn deliver_at(given: Timestamp) -> Result<OffsetDateTime, String> {
    time::instant(given).map_err(|error| error.to_string())
}

/// What a time of delivery breaks that is too far ahead, which only the database's clock can tell.
pub(crate) fn too_far_ahead() -> FieldViolation {
    let days = MAX_DELIVER_AHEAD.as_secs() / 86_400;
    FieldViolation::new("deliver_at", format!("must be at most {days} days ahead"))
}

/// What an event's id breaks that names another event as well, which only the database can tell.
pub(crate) fn namesake() -> FieldViolation {
    FieldViolation::new("event_id", "must not be the id that another event got from Postrider")
}

fn payload(given: &Bytes) -> Result<Bytes, String> {
    if given.len() > MAX_PAYLOAD_BYTES {
        return Err(format!("must be at most {MAX_PAYLOAD_BYTES} bytes, is {}", given.len()));
    }
    normalise_object(given)
        .map(postrider_contract::json::Normalised::into_bytes)
        .map_err(|error| error.to_string())
}

/// The violations found so far.
#[derive(Default)]
struct Violations(Vec<FieldViolation>);

impl Violations {
    fn add(&mut self, field: &str, rule: impl Display) {
        self.0.push(FieldViolation::new(field, rule.to_string()));
    }

    /// The value of a required field, unless it breaks a rule.
    fn take<T>(&mut self, field: &str, parsed: Result<T, impl Display>) -> Option<T> {
        parsed.map_err(|rule| self.add(field, rule)).ok()
    }

    /// The value of an optional field; `None` too if it breaks a rule.
    fn optional<T>(&mut self, field: &str, parsed: Option<Result<T, impl Display>>) -> Option<T> {
        parsed.and_then(|parsed| self.take(field, parsed))
    }
}

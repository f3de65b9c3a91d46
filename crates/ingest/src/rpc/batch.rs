//! `PublishEvents`: events together, each with a result of its own.

use super::event;
use crate::accept::Acceptor;
use crate::auth::Caller;
use crate::proto::publish_events_result::Result as Item;
use crate::proto::{
    PublishEventResponse, PublishEventsRequest, PublishEventsResponse, PublishEventsResult,
};
use crate::refusal::{self, Refusal};
use postrider_common::trace::TraceContext;
use prost::Message as _;
use tonic_types::FieldViolation;

const MAX_EVENTS: usize = 1000;
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Publishes a batch: all events are put in line before the first is waited for.
pub(super) async fn publish(
    acceptor: &Acceptor,
    caller: &Caller,
    request: PublishEventsRequest,
    trace: Option<TraceContext>,
) -> Result<PublishEventsResponse, Refusal> {
    check_size(&request)?;
    let mut begun = Vec::with_capacity(request.events.len());
    for request in request.events {
        begun.push(event::begin(acceptor, caller, request, trace).await);
    }
    let mut results = Vec::with_capacity(begun.len());
    for (index, begun) in (0..).zip(begun) {
        let answer = match begun {
            Ok(begun) => begun.answer().await,
            Err(refusal) => Err(refusal),
        };
        let refused = |refusal: &Refusal| acceptor.metrics().refused(refusal);
        results.push(result(index, answer.inspect_err(refused)));
    }
    Ok(PublishEventsResponse { results })
}

fn check_size(request: &PublishEventsRequest) -> Result<(), Refusal> {
    let mut violations = Vec::new();
    let count = request.events.len();
    if count > MAX_EVENTS {
        let rule = format!("must be at most {MAX_EVENTS}, are {count}");
        violations.push(FieldViolation::new("events", rule));
    }
    let bytes = request.encoded_len();
    if bytes > MAX_BYTES {
        let rule = format!("must have at most {MAX_BYTES} bytes together, have {bytes}");
        violations.push(FieldViolation::new("events", rule));
    }
    if violations.is_empty() { Ok(()) } else { Err(Refusal::Invalid(violations)) }
}

fn result(index: u32, answer: Result<PublishEventResponse, Refusal>) -> PublishEventsResult {
    let item = match answer {
        Ok(response) => Item::Response(response),
        Err(refusal) => Item::Error(refusal::of_item(refusal)),
    };
    PublishEventsResult { index, result: Some(item) }
}

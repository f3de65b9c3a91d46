//! Building a request: body and headers by the contract, signed for this attempt.

use crate::claim::Work;
use crate::endpoints::Recipient;
use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use postrider_common::trace::TraceContext;
use postrider_contract::{AttemptView, BodyError, Contract, DeliveryView, EventView};
use time::OffsetDateTime;
use tokio::time::Instant;

/// A request that is ready to be sent.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Bytes,
    pub(crate) started_at: OffsetDateTime,
}

/// A request could not be built from what is stored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PrepareError {
    #[error("the body could not be written")]
    Body(#[from] BodyError),
    #[error("a header's value cannot be sent")]
    Value(#[from] http::header::InvalidHeaderValue),
}

/// Builds the request for an attempt that starts at this time: the body by its delivery's version of the contract,
/// headers and signature by the one in force. Where the contract allows it, it carries the
/// context of the attempt's span, or without one that of its event.
pub(crate) fn prepare(
    work: &Work,
    recipient: &Recipient,
    body_by: &Contract,
    started_at: OffsetDateTime,
    span: Option<TraceContext>,
) -> Result<Prepared, PrepareError> {
    let delivery = DeliveryView {
        id: work.delivery.id.as_uuid(),
        endpoint_id: &recipient.endpoint_id,
        event: EventView {
            id: work.delivery.event.as_uuid(),
            given_id: work.event.given_id.as_deref(),
            event_type: work.event.event_type.as_str(),
            occurred_at: work.event.occurred_at,
            payload: &work.event.payload,
        },
    };
    let body = body_by.body(&delivery)?;
    let timestamp = started_at.unix_timestamp();
    let attempt = AttemptView { delivery, timestamp, body: &body };
    let trace = span.or(work.event.trace).filter(|_| recipient.contract.carries_trace_context());
    let trace = trace.map(|trace| (HeaderName::from_static(TraceContext::NAME), trace.to_string()));
    let headers = recipient.contract.headers(&attempt, recipient.keys.at(started_at));
    let headers = headers
        .into_iter()
        .map(|header| (header.label.name().clone(), header.value))
        .chain(trace)
        .map(|(name, value)| Ok((name, HeaderValue::try_from(value)?)))
        .collect::<Result<_, PrepareError>>()?;
    Ok(Prepared { headers, body, started_at })
}

/// The database's present time: its time of the claim, and what has passed since on our monotonic
/// clock. Our wall clock has no say.
pub(crate) fn database_now(work: &Work) -> OffsetDateTime {
    work.claimed_at + Instant::now().duration_since(work.learnt_at)
}

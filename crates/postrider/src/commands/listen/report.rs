//! What there is to show: a request as it came, and what became of an answer that came later.

use super::answers::Answer;
use crate::verifier::Verdict;
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use std::time::Duration;
use time::OffsetDateTime;

/// Something to show about a request.
#[derive(Debug)]
pub(super) struct Report {
    /// The request's number, from 1 in the order of arrival.
    pub(super) number: u64,
    pub(super) event: Event,
}

/// What happened.
#[derive(Debug)]
pub(super) enum Event {
    /// The request is here. An answer that does not follow later is given with this.
    Received(Box<Request>),
    /// The answer that was to follow was given.
    Answered { status: StatusCode, after: Duration },
    /// The sender closed the connection before the answer that was to follow.
    Left { after: Duration },
    /// The sender closed the connection on which no answer was to come.
    GaveUp { after: Duration },
}

/// A request as it was received, and what it is answered.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) at: OffsetDateTime,
    pub(super) method: String,
    /// Path and query.
    pub(super) target: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Result<Bytes, BodyProblem>,
    pub(super) event_type: Option<String>,
    pub(super) delivery_id: Option<String>,
    /// How often the delivery was seen, this time included.
    pub(super) seen: u32,
    pub(super) verdict: Verdict,
    pub(super) answer: Answer,
}

/// Why there is no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BodyProblem {
    #[error("the body is larger than 1 MiB and was not read")]
    TooLarge,
    #[error("the body broke off")]
    BrokeOff,
}

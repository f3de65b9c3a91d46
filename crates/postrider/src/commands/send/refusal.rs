//! What a server's status means for an event: it is refused, or to be sent again, or nothing more
//! makes sense. Decided by codes and by `google.rpc` details alone.

use crate::escape::printable;
use postrider_common::service::chain;
use serde::Serialize;
use std::error::Error as _;
use std::fmt;
use std::time::Duration;
use tonic::{Code, Status};
use tonic_types::{BadRequest, RpcStatusExt as _, StatusExt as _, pb};

/// The code of what never was an event, and that no server has seen.
const INVALID_LINE: &str = "INVALID_LINE";

/// An event that is not accepted and will not be.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Refusal {
    /// Its line, from 1; nothing for an event that is in no file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) line: Option<u64>,
    /// The bytes of the file up to the end of its line.
    #[serde(skip)]
    pub(super) read: u64,
    code: &'static str,
    message: String,
    /// The fields that break rules.
    fields: Vec<BrokenField>,
}

#[derive(Clone, Debug, Serialize)]
struct BrokenField {
    field: String,
    rule: String,
}

/// What follows from a status.
#[derive(Debug)]
pub(super) enum Consequence {
    /// The event is refused.
    Refused,
    /// What became of the event is open: send it again, after this time if the server names one.
    Again(Option<Duration>),
    /// No event will be taken from whoever has this key.
    KeyRefused,
    /// No event will be taken here.
    Hopeless,
}

impl Refusal {
    /// A line that never was an event.
    pub(super) fn of_line(line: u64, read: u64, field: Option<&str>, rule: String) -> Self {
        let (message, fields) = match field {
            Some(field) => {
                let message = format!("not valid: {field}");
                (message, vec![BrokenField { field: field.to_owned(), rule }])
            }
            None => (rule, Vec::new()),
        };
        Self { line: Some(line), read, code: INVALID_LINE, message, fields }
    }

    /// An event that was refused within a stream.
    pub(super) fn of_item(line: u64, read: u64, status: &pb::Status) -> Self {
        let details = status.get_details_bad_request();
        let refusal = Self::new(Code::from_i32(status.code), &status.message, details);
        Self { line: Some(line), read, ..refusal }
    }

    /// An event that was refused by itself.
    pub(super) fn of_call(status: &Status) -> Self {
        let details = status.get_details_bad_request();
        Self::new(status.code(), status.message(), details)
    }

    fn new(code: Code, message: &str, details: Option<BadRequest>) -> Self {
        let violations = details.map(|details| details.field_violations).unwrap_or_default();
        let fields = violations
            .into_iter()
            .map(|broken| BrokenField { field: broken.field, rule: broken.description });
        let (code, message) = (name(code), message.to_owned());
        Self { line: None, read: 0, code, message, fields: fields.collect() }
    }
}

impl fmt::Display for Refusal {
    /// The line, and every field with its rule, or else what the server said.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line} ")?;
        }
        f.write_str("refused: ")?;
        if self.fields.is_empty() {
            f.write_str(&printable(&self.message))?;
            return if self.code == INVALID_LINE { Ok(()) } else { write!(f, " ({})", self.code) };
        }
        for (place, BrokenField { field, rule }) in self.fields.iter().enumerate() {
            let separator = if place == 0 { "" } else { "; " };
            write!(f, "{separator}{} {}", printable(field), printable(rule))?;
        }
        Ok(())
    }
}

/// What follows for one event of a stream.
pub(super) fn of_item(status: &pb::Status) -> Consequence {
    let delay = status.get_details_retry_info().and_then(|info| info.retry_delay);
    of_code(Code::from_i32(status.code), delay)
}

/// What follows for a call, or for a whole stream.
pub(super) fn of_call(status: &Status) -> Consequence {
    // A status with a cause was made here, when the connection broke.
    if status.source().is_some() {
        return Consequence::Again(None);
    }
    let delay = status.get_details_retry_info().and_then(|info| info.retry_delay);
    of_code(status.code(), delay)
}

fn of_code(code: Code, delay: Option<Duration>) -> Consequence {
    match code {
        Code::Unavailable
        | Code::ResourceExhausted
        | Code::DeadlineExceeded
        | Code::Cancelled
        | Code::Aborted
        | Code::Unknown => Consequence::Again(delay),
        Code::Unauthenticated => Consequence::KeyRefused,
        Code::Unimplemented => Consequence::Hopeless,
        _ => Consequence::Refused,
    }
}

/// What the server, or the connection, says.
pub(super) fn shown(status: &Status) -> String {
    match status.source() {
        // The status repeats the outermost of its causes, which is the least telling.
        Some(cause) => format!("the connection failed: {}", chain(cause)),
        None => status.message().to_owned(),
    }
}

/// A code's name in the protocol.
fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

//! How requests look to a program: one JSON object a line. `postrider verify` reads them again.

use super::report::{Event, Report, Request};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::io::{self, Write};
use time::OffsetDateTime;
use time::serde::rfc3339;

/// What was sent, as far as its signature goes.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct RecordedRequest<'a> {
    /// Names and values in their order.
    pub(crate) headers: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// The body, if it is UTF-8.
    body: Option<Cow<'a, str>>,
    /// The body in base64, if it is not.
    body_base64: Option<String>,
}

/// A line.
#[derive(Serialize)]
struct Record<'a> {
    number: u64,
    #[serde(with = "rfc3339")]
    received_at: OffsetDateTime,
    method: &'a str,
    path: &'a str,
    event_type: Option<&'a str>,
    delivery_id: Option<&'a str>,
    seen: u32,
    verified: bool,
    /// Why it is not verified.
    reason: Option<String>,
    #[serde(flatten)]
    request: RecordedRequest<'a>,
    /// What it is answered; nothing when it never is.
    status: Option<u16>,
    delay_ms: u128,
    failed_on_purpose: bool,
}

/// Writes a request as one line; what becomes of its answer later is not told.
pub(super) fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let Event::Received(request) = &report.event else {
        return Ok(());
    };
    serde_json::to_writer(&mut *out, &record(report.number, request))?;
    writeln!(out)
}

fn record(number: u64, request: &Request) -> Record<'_> {
    Record {
        number,
        received_at: request.at,
        method: &request.method,
        path: &request.target,
        event_type: request.event_type.as_deref(),
        delivery_id: request.delivery_id.as_deref(),
        seen: request.seen,
        verified: request.verdict.is_verified(),
        reason: request.verdict.reason(),
        request: RecordedRequest::of(request),
        status: request.answer.status().map(|status| status.as_u16()),
        delay_ms: request.answer.delay.as_millis(),
        failed_on_purpose: request.answer.fails_on_purpose(),
    }
}

impl<'a> RecordedRequest<'a> {
    fn of(request: &'a Request) -> Self {
        let headers = request.headers.iter();
        let headers = headers.map(|(name, value)| {
            (Cow::Borrowed(name.as_str()), String::from_utf8_lossy(value.as_bytes()))
        });
        let body = request.body.as_ref().ok();
        let text = body.map(|body| std::str::from_utf8(body));
        Self {
            headers: headers.collect(),
            body: text.and_then(Result::ok).map(Cow::Borrowed),
            body_base64: match (text, body) {
                (Some(Err(_)), Some(body)) => Some(STANDARD.encode(body)),
                _ => None,
            },
        }
    }

    /// The body's bytes; nothing when there are none.
    pub(crate) fn into_body(self) -> Option<Bytes> {
        match (self.body, self.body_base64) {
            (Some(text), None) => Some(text.into_owned().into()),
            (None, Some(encoded)) => STANDARD.decode(encoded).ok().map(Bytes::from),
            _ => None,
        }
    }
}

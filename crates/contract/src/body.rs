//! The request's body: the same bytes on every attempt.

use bytes::{BufMut as _, Bytes, BytesMut};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// What a body is made of.
#[derive(Clone, Copy, Debug)]
pub struct EventView<'a> {
    /// The event's type: plain ASCII without quotes or backslashes.
    pub event_type: &'a str,
    /// When the event happened.
    pub occurred_at: OffsetDateTime,
    /// The normalised JSON object that the producer gave.
    pub payload: &'a [u8],
}

/// A body could not be written.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// RFC 3339 has no such time: its year is not between 0 and 9999.
    #[error("the event's time cannot be written as RFC 3339")]
    Time(#[from] time::error::Format),
}

/// The body of Standard Webhooks: `type`, `timestamp` (RFC 3339, UTC, whole seconds), `data`.
pub(crate) fn standard(event: &EventView<'_>) -> Result<Bytes, BodyError> {
    let timestamp = rfc3339_seconds(event.occurred_at)?;
    let mut body = BytesMut::with_capacity(event.payload.len() + event.event_type.len() + 64);
    body.put_slice(b"{\"type\":\"");
    body.put_slice(event.event_type.as_bytes());
    body.put_slice(b"\",\"timestamp\":\"");
    body.put_slice(timestamp.as_bytes());
    body.put_slice(b"\",\"data\":");
    body.put_slice(event.payload);
    body.put_slice(b"}");
    Ok(body.freeze())
}

/// RFC 3339 in UTC, rounded down to whole seconds, with `Z`.
fn rfc3339_seconds(at: OffsetDateTime) -> Result<String, time::error::Format> {
    at.to_offset(time::UtcOffset::UTC).truncate_to_second().format(&Rfc3339)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn keys_are_in_order_and_the_time_is_rounded_down() {
        let event = EventView {
            event_type: "user.created",
            occurred_at: datetime!(2024-01-20 16:00:00.999999 +1),
            payload: br#"{"b":1,"a":"\u0000"}"#,
        };
        let expected = concat!(
            r#"{"type":"user.created","timestamp":"2024-01-20T15:00:00Z","#,
            r#""data":{"b":1,"a":"\u0000"}}"#
        );
        assert_eq!(standard(&event).unwrap(), expected);
    }
}

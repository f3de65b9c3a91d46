//! The request's body: the same bytes on every attempt.
//!
//! A contract's list of keys is compiled into fixed bytes and the values between them. The whole is
//! in the form that survives a JavaScript round trip whenever the payload is: see [`crate::json`].

mod constant;
mod read;
#[cfg(test)]
mod tests;

use crate::ids::IdPrefixes;
use crate::request::DeliveryView;
use bytes::{Bytes, BytesMut};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A body could not be written.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// RFC 3339 has no such time: its year is not between 0 and 9999.
    #[error("the event's time cannot be written as RFC 3339")]
    Time(#[from] time::error::Format),
}

/// What a body is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BodyRule {
    /// The payload itself.
    Payload,
    /// An object of these keys, in this order.
    Object(Vec<Member>),
}

/// One key of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    key: String,
    value: Source,
    /// What stands before the value: a brace or a comma, the key, a colon.
    before: String,
}

/// Where a key's value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    EventId,
    EventType,
    /// In RFC 3339, UTC, whole seconds, with `Z`.
    TimeText,
    /// In Unix seconds, an integer.
    TimeNumber,
    DeliveryId,
    DeliveryUuid,
    EndpointId,
    Payload,
    /// JSON in JavaScript's form.
    Constant(String),
}

impl BodyRule {
    /// The body for one delivery.
    pub(crate) fn write(
        &self,
        delivery: &DeliveryView<'_>,
        ids: &IdPrefixes,
    ) -> Result<Bytes, BodyError> {
        let payload = delivery.event.payload;
        let Self::Object(members) = self else { return Ok(Bytes::copy_from_slice(payload)) };
        let fixed: usize = members.iter().map(|member| member.before.len() + 64).sum();
        let mut body = BytesMut::with_capacity(payload.len() + fixed);
        for member in members {
            body.extend_from_slice(member.before.as_bytes());
            member.value.write(&mut body, delivery, ids)?;
        }
        body.extend_from_slice(if members.is_empty() { b"{}" } else { b"}" });
        Ok(body.freeze())
    }

    /// The key whose value comes from here.
    pub(crate) fn key_of(&self, source: &Source) -> Option<&str> {
        let Self::Object(members) = self else { return None };
        members.iter().find(|member| member.value == *source).map(|member| member.key.as_str())
    }
}

impl Source {
    fn write(
        &self,
        body: &mut BytesMut,
        delivery: &DeliveryView<'_>,
        ids: &IdPrefixes,
    ) -> Result<(), BodyError> {
        let event = &delivery.event;
        match self {
            Self::EventId => write_string(body, &event.shown_id(ids)),
            Self::EventType => write_string(body, event.event_type),
            Self::TimeText => write_string(body, &rfc3339_seconds(event.occurred_at)?),
            Self::TimeNumber => {
                body.extend_from_slice(event.occurred_at.unix_timestamp().to_string().as_bytes());
            }
            Self::DeliveryId => write_string(body, &ids.delivery(delivery.id)),
            Self::DeliveryUuid => write_string(body, &delivery.id.hyphenated().to_string()),
            Self::EndpointId => write_string(body, delivery.endpoint_id),
            Self::Payload => body.extend_from_slice(event.payload),
            Self::Constant(json) => body.extend_from_slice(json.as_bytes()),
        }
        Ok(())
    }
}

/// A constant's JSON in the form in which it is sent; other text as it is.
pub(crate) fn constant_form(json: &str) -> String {
    constant::value(json).unwrap_or_else(|_| json.to_owned())
}

/// RFC 3339 in UTC, rounded down to whole seconds, with `Z`.
fn rfc3339_seconds(at: OffsetDateTime) -> Result<String, time::error::Format> {
    at.to_offset(time::UtcOffset::UTC).truncate_to_second().format(&Rfc3339)
}

fn write_string(body: &mut BytesMut, text: &str) {
    body.extend_from_slice(b"\"");
    if text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
        body.extend_from_slice(text.as_bytes());
    } else {
        body.extend_from_slice(constant::escaped(text).as_bytes());
    }
    body.extend_from_slice(b"\"");
}

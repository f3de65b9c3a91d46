//! An event: something that happened, as the product's service published it.

use crate::id::EventId;
use crate::tenant::TenantId;
use bytes::Bytes;
use postrider_contract::EventView;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;
use time::OffsetDateTime;

pub use postrider_contract::MAX_EVENT_TYPE_LEN;

/// The longest `event_id` or `idempotency_key`, in characters.
pub const MAX_GIVEN_ID_LEN: usize = 64;

/// How far ahead an event's delivery may be put off: 30 days.
pub const MAX_DELIVER_AHEAD: Duration = Duration::from_hours(30 * 24);

/// An event's type: words of `[A-Za-z0-9_-]` joined by single dots, at most 128 characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EventType(String);

/// The text is no event type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be words of A-Z, a-z, 0-9, '_' and '-' joined by single dots, 128 characters at most"
)]
pub struct EventTypeError;

impl EventType {
    /// Parses an event type.
    pub fn parse(text: impl Into<String>) -> Result<Self, EventTypeError> {
        let text = text.into();
        if postrider_contract::is_event_type(&text) { Ok(Self(text)) } else { Err(EventTypeError) }
    }

    /// The type as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for EventType {
    type Error = EventTypeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(text)
    }
}

impl From<EventType> for String {
    fn from(event_type: EventType) -> Self {
        event_type.0
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An `event_id` or `idempotency_key` as a producer gave it: 1 to 64 of `[A-Za-z0-9_.-]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GivenId(String);

/// The text is no id that a producer may give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 64 characters of A-Z, a-z, 0-9, '_', '.' and '-'")]
pub struct GivenIdError;

impl GivenId {
    /// Parses an id that a producer gave.
    pub fn parse(text: impl Into<String>) -> Result<Self, GivenIdError> {
        let text = text.into();
        let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        if text.is_empty() || text.len() > MAX_GIVEN_ID_LEN || !text.chars().all(known) {
            return Err(GivenIdError);
        }
        Ok(Self(text))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What the producer may say about an event beside its payload; shown, never sent.
pub type Metadata = BTreeMap<String, String>;

/// An event as stored.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its id.
    pub id: EventId,
    /// The id that the producer gave it, kept and shown as given.
    pub given_id: Option<String>,
    /// Whose event it is.
    pub tenant: TenantId,
    /// Its type.
    pub event_type: EventType,
    /// The normalised JSON object that the producer gave.
    pub payload: Bytes,
    /// What the producer said beside the payload.
    pub metadata: Metadata,
    /// When it happened: what the producer said, else when it was accepted.
    pub occurred_at: OffsetDateTime,
    /// When it was accepted, on the database's clock.
    pub accepted_at: OffsetDateTime,
    /// When it is to be delivered, as the producer said; `None` is at once.
    pub deliver_at: Option<OffsetDateTime>,
    /// What it is ordered by at endpoints that ask for that.
    pub ordering_key: Option<String>,
    /// Whether it is a test, which somebody asked for.
    pub test: bool,
    /// When its payload was expunged, on the database's clock; it is empty since.
    pub expunged_at: Option<OffsetDateTime>,
}

impl Event {
    /// What its contract makes a body of.
    pub fn view(&self) -> EventView<'_> {
        EventView {
            id: self.id.as_uuid(),
            given_id: self.given_id.as_deref(),
            event_type: self.event_type.as_str(),
            occurred_at: self.occurred_at,
            payload: &self.payload,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_words_joined_by_dots() {
        for good in ["new_lead", "api.rate_limit_exceeded", "a", "A-1.b", &"x".repeat(128)] {
            assert_eq!(EventType::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", ".", "a.", ".a", "a..b", "a b", "*", "ä", &"x".repeat(129)] {
            assert_eq!(EventType::parse(bad), Err(EventTypeError), "{bad}");
        }
    }

    #[test]
    fn a_given_id_is_short_plain_text() {
        for good in ["evt_1", "a.b-c_D", &"9".repeat(64)] {
            assert_eq!(GivenId::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "a b", "a/b", "é", &"9".repeat(65)] {
            assert_eq!(GivenId::parse(bad), Err(GivenIdError), "{bad}");
        }
    }
}

//! How a contract writes ids: a prefix before the bare UUID.

use uuid::Uuid;

/// The prefixes that a contract's ids are shown with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdPrefixes {
    /// Before an event's UUID.
    pub event: &'static str,
    /// Before a delivery's UUID.
    pub delivery: &'static str,
    /// Before a new endpoint's UUID.
    pub endpoint: &'static str,
}

impl IdPrefixes {
    /// An event's id as customers see it.
    pub fn event(&self, id: Uuid) -> String {
        format!("{}{}", self.event, id.hyphenated())
    }

    /// A delivery's id as customers and receivers see it.
    pub fn delivery(&self, id: Uuid) -> String {
        format!("{}{}", self.delivery, id.hyphenated())
    }

    /// The id text that a new endpoint gets.
    pub fn endpoint(&self, id: Uuid) -> String {
        format!("{}{}", self.endpoint, id.hyphenated())
    }
}

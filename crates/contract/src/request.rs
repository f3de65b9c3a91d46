//! What a request is about: the event, the delivery, the attempt. All of it is borrowed, so that
//! whoever sends builds a view of what it has anyway.

use crate::ids::IdPrefixes;
use std::borrow::Cow;
use time::OffsetDateTime;
use uuid::Uuid;

/// What happened.
#[derive(Clone, Copy, Debug)]
pub struct EventView<'a> {
    /// The event's id inside.
    pub id: Uuid,
    /// The id that the producer gave it, which is shown in place of ours.
    pub given_id: Option<&'a str>,
    /// The event's type.
    pub event_type: &'a str,
    /// When it happened.
    pub occurred_at: OffsetDateTime,
    /// The normalised JSON object that the producer gave.
    pub payload: &'a [u8],
}

impl<'a> EventView<'a> {
    /// The event's id as it is shown.
    pub(crate) fn shown_id(&self, ids: &IdPrefixes) -> Cow<'a, str> {
        self.given_id.map_or_else(|| Cow::Owned(ids.event(self.id)), Cow::Borrowed)
    }
}

/// The event as it is owed to one endpoint.
#[derive(Clone, Copy, Debug)]
pub struct DeliveryView<'a> {
    /// The delivery's id inside, the same on every attempt.
    pub id: Uuid,
    /// The id text by which its owner knows the endpoint.
    pub endpoint_id: &'a str,
    /// The event.
    pub event: EventView<'a>,
}

/// One request for a delivery.
#[derive(Clone, Copy, Debug)]
pub struct AttemptView<'a> {
    /// What is delivered.
    pub delivery: DeliveryView<'a>,
    /// The attempt's own time, in Unix seconds; it is signed where the contract says so.
    pub timestamp: i64,
    /// The bytes that are sent.
    pub body: &'a [u8],
}

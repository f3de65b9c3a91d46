//! An event's row, with or without its payload, and what it stands for.

use super::{StoredTime, tenant, time, unreadable};
use crate::error::StoreError;
use crate::log::EventSummary;
use postrider_common::event::{Event, EventType};
use postrider_common::id::EventId;
use sqlx::FromRow;
use uuid::Uuid;

/// A row of `events`.
#[derive(FromRow)]
pub(crate) struct EventRow<Time> {
    #[sqlx(flatten)]
    summary: EventSummaryRow<Time>,
    tenant_id: String,
    payload: Vec<u8>,
}

/// What a list shows of such a row.
#[derive(FromRow)]
pub(crate) struct EventSummaryRow<Time> {
    id: Uuid,
    given_id: Option<String>,
    event_type: String,
    metadata: String,
    occurred_at: Time,
    accepted_at: Time,
    deliver_at: Option<Time>,
    ordering_key: Option<String>,
    test: bool,
    expunged_at: Option<Time>,
}

impl<Time: StoredTime> TryFrom<EventSummaryRow<Time>> for EventSummary {
    type Error = StoreError;

    fn try_from(row: EventSummaryRow<Time>) -> Result<Self, StoreError> {
        Ok(Self {
            id: EventId::from_uuid(row.id),
            given_id: row.given_id,
            event_type: event_type(row.event_type)?,
            metadata: serde_json::from_str(&row.metadata).map_err(|_| unreadable("metadata"))?,
            occurred_at: row.occurred_at.read()?,
            accepted_at: row.accepted_at.read()?,
            deliver_at: time(row.deliver_at)?,
            ordering_key: row.ordering_key,
            test: row.test,
            expunged_at: row.expunged_at.map(StoredTime::read).transpose()?,
        })
    }
}

impl<Time: StoredTime> TryFrom<EventRow<Time>> for Event {
    type Error = StoreError;

    fn try_from(row: EventRow<Time>) -> Result<Self, StoreError> {
        let summary = EventSummary::try_from(row.summary)?;
        Ok(Self {
            id: summary.id,
            given_id: summary.given_id,
            tenant: tenant(row.tenant_id)?,
            event_type: summary.event_type,
            payload: row.payload.into(),
            metadata: summary.metadata,
            occurred_at: summary.occurred_at,
            accepted_at: summary.accepted_at,
            deliver_at: summary.deliver_at,
            ordering_key: summary.ordering_key,
            test: summary.test,
            expunged_at: summary.expunged_at,
        })
    }
}

/// Reads a stored event type.
pub(super) fn event_type(text: String) -> Result<EventType, StoreError> {
    EventType::parse(text).map_err(|_| unreadable("event type"))
}

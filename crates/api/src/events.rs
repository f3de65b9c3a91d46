//! `/events`: what the tenant's producers published.

mod get;
mod list;

use crate::app::App;
use axum::Router;
use axum::routing::get;
use postrider_common::event::{Event, Metadata};
use postrider_common::id::EventId;
use postrider_contract::Contract;
use postrider_store::EventSummary;
use serde::Serialize;
use serde_json::value::RawValue;
use std::sync::Arc;
use time::OffsetDateTime;

pub(crate) fn router() -> Router<Arc<App>> {
    Router::new().route("/events", get(list::list)).route("/events/{id}", get(get::get))
}

/// An event's id as its tenant sees it: what the producer gave, else ours.
pub(crate) fn shown_id(contract: &Contract, given: Option<String>, id: EventId) -> String {
    given.unwrap_or_else(|| contract.ids().event(id.as_uuid()))
}

/// An event, as answered; with its payload only when one is asked for by its id.
#[derive(Serialize)]
struct EventView {
    id: String,
    #[serde(rename = "type")]
    event_type: String,
    /// The payload, byte for byte: a general value would round numbers and sort keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Box<RawValue>>,
    metadata: Metadata,
    #[serde(with = "time::serde::rfc3339")]
    occurred_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    accepted_at: OffsetDateTime,
}

impl EventView {
    fn of_summary(event: EventSummary, contract: &Contract) -> Self {
        Self {
            id: shown_id(contract, event.given_id, event.id),
            event_type: event.event_type.into(),
            data: None,
            metadata: event.metadata,
            occurred_at: event.occurred_at,
            accepted_at: event.accepted_at,
        }
    }

    fn of_event(event: Event, contract: &Contract) -> Result<Self, serde_json::Error> {
        Ok(Self {
            id: shown_id(contract, event.given_id, event.id),
            event_type: event.event_type.into(),
            data: Some(serde_json::from_slice(&event.payload)?),
            metadata: event.metadata,
            occurred_at: event.occurred_at,
            accepted_at: event.accepted_at,
        })
    }
}

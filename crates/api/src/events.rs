//! `/events`: what the tenant's producers published.

mod cancel;
mod expunge;
mod get;
mod list;

use crate::app::App;
use axum::Router;
use axum::routing::{delete, get, post};
use postrider_common::event::{Event, Metadata};
use postrider_common::id::EventId;
use postrider_contract::Contract;
use postrider_store::EventSummary;
use serde::Serialize;
use serde_json::value::RawValue;
use std::sync::Arc;
use time::OffsetDateTime;

pub(crate) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/events", get(list::list))
        .route("/events/{id}", get(get::get))
        .route("/events/{id}/cancel", post(cancel::cancel))
        .route("/events/{id}/payload", delete(expunge::expunge))
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
    /// Somebody asked for it to be sent as a test.
    test: bool,
    ordering_key: Option<String>,
    /// The payload, byte for byte: a general value would round numbers and sort keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Box<RawValue>>,
    metadata: Metadata,
    #[serde(with = "time::serde::rfc3339")]
    occurred_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    accepted_at: OffsetDateTime,
    /// Null for at once.
    #[serde(with = "time::serde::rfc3339::option")]
    deliver_at: Option<OffsetDateTime>,
    /// Since when the payload is gone.
    #[serde(with = "time::serde::rfc3339::option")]
    expunged_at: Option<OffsetDateTime>,
}

impl EventView {
    fn of_summary(event: EventSummary, contract: &Contract) -> Self {
        Self {
            id: shown_id(contract, event.given_id, event.id),
            event_type: event.event_type.into(),
            test: event.test,
            ordering_key: event.ordering_key,
            data: None,
            metadata: event.metadata,
            occurred_at: event.occurred_at,
            accepted_at: event.accepted_at,
            deliver_at: event.deliver_at,
            expunged_at: event.expunged_at,
        }
    }

    fn of_event(event: Event, contract: &Contract) -> Result<Self, serde_json::Error> {
        let payload: &RawValue = match event.expunged_at {
            None => serde_json::from_slice(&event.payload)?,
            Some(_) => RawValue::NULL,
        };
        Ok(Self {
            id: shown_id(contract, event.given_id, event.id),
            event_type: event.event_type.into(),
            test: event.test,
            ordering_key: event.ordering_key,
            data: Some(payload.to_owned()),
            metadata: event.metadata,
            occurred_at: event.occurred_at,
            accepted_at: event.accepted_at,
            deliver_at: event.deliver_at,
            expunged_at: event.expunged_at,
        })
    }
}

//! What operators are told, in words: `docs/operational-events.md` has an example of each.

use bytes::Bytes;
use postrider_contract::Contract;
use postrider_contract::json::normalise_object;
use postrider_egress::shown_url;
use postrider_store::{DeliveryFacts, EndpointFacts, OperationalEvent, ReplayFacts};
use serde::Serialize;
use time::OffsetDateTime;

/// What a replay's id is shown with.
const REPLAY: &str = "replay_";

/// The payload of the event that is made of a row; ids have the form that the endpoint's contract gives
/// them, or are bare. `None` would be a defect.
pub(super) fn payload(event: &OperationalEvent, contract: Option<&Contract>) -> Option<Bytes> {
    let facts = &event.facts;
    let payload = Payload {
        tenant_id: event.tenant.as_str(),
        webhook: facts.endpoint.as_ref().map(Webhook::of),
        delivery: facts.delivery.as_ref().map(|delivery| Delivery::of(delivery, contract)),
        replay: facts.replay.as_ref().map(Replay::of),
        reason: facts.reason.as_deref(),
        at: event.at,
    };
    let text = serde_json::to_vec(&payload).ok()?;
    Some(normalise_object(&text).ok()?.into_bytes())
}

#[derive(Serialize)]
struct Payload<'a> {
    tenant_id: &'a str,
    #[serde(flatten)]
    webhook: Option<Webhook<'a>>,
    #[serde(flatten)]
    delivery: Option<Delivery<'a>>,
    #[serde(flatten)]
    replay: Option<Replay<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the names that the payload has")]
struct Webhook<'a> {
    webhook_id: &'a str,
    url: String,
    contract: &'a str,
}

impl<'a> Webhook<'a> {
    fn of(facts: &'a EndpointFacts) -> Self {
        let url = shown_url(&facts.url);
        Self { webhook_id: &facts.public_id, url, contract: &facts.contract }
    }
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the names that the payload has")]
struct Delivery<'a> {
    delivery_id: String,
    event_id: String,
    event_type: &'a str,
    attempts: u32,
    last_status_code: Option<u16>,
    last_failure: Option<&'a str>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

impl<'a> Delivery<'a> {
    fn of(facts: &'a DeliveryFacts, contract: Option<&Contract>) -> Self {
        let (delivery, event) = (facts.id.as_uuid(), facts.event.as_uuid());
        let shown = |of: &Contract| (of.ids().delivery(delivery), of.ids().event(event));
        let bare = || (facts.id.to_string(), facts.event.to_string());
        let (delivery_id, event_id) = contract.map_or_else(bare, shown);
        Self {
            delivery_id,
            event_id: facts.given_event_id.clone().unwrap_or(event_id),
            event_type: &facts.event_type,
            attempts: facts.attempts,
            last_status_code: facts.last_status,
            last_failure: facts.last_failure.as_deref(),
            created_at: facts.created_at,
        }
    }
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the names that the payload has")]
struct Replay<'a> {
    replay_id: String,
    mode: &'a str,
    status: &'a str,
    matched: Option<u64>,
    replayed: u64,
    skipped: u64,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

impl<'a> Replay<'a> {
    fn of(facts: &'a ReplayFacts) -> Self {
        Self {
            replay_id: format!("{REPLAY}{}", facts.id),
            mode: &facts.mode,
            status: &facts.state,
            matched: facts.matched,
            replayed: facts.replayed,
            skipped: facts.skipped,
            created_at: facts.created_at,
        }
    }
}

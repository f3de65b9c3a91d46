//! Which deliveries a replay in bulk or a look at the dead letters means, as callers say it and are
//! told it. What that comes to is the store's business.

use crate::fields::{Fields, read};
use postrider_common::delivery::DeadReason;
use postrider_common::event::EventType;
use postrider_store::{Ended, EndpointRef, ReplayMode, Selection, StatusClass};
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;

/// Event types that one call names.
const MAX_TYPES: usize = 200;

/// Reads what a replay means from its body.
pub(crate) fn of_replay(fields: &mut Fields, mode: ReplayMode) -> Selection {
    let is_missed = mode == ReplayMode::Missed;
    for name in ["status", "reason", "status_class"] {
        if is_missed && fields.has(name) {
            fields.refuse(name, "does not go with mode missed");
        }
    }
    if is_missed && !fields.has("webhook_id") {
        fields.refuse("webhook_id", "is required with mode missed");
    }
    let mut selection = of_dead_letters(fields);
    selection.ended = fields.optional("status", read::parsed(ended));
    if selection.ended == Some(Ended::Delivered) && selection.reason.is_some() {
        fields.refuse("reason", "goes with dead deliveries alone");
    }
    selection
}

/// Reads which dead letters are meant from a body.
pub(crate) fn of_dead_letters(fields: &mut Fields) -> Selection {
    let types = fields.optional("event_types", event_types).unwrap_or_default();
    narrowed(fields, types)
}

/// Reads which dead letters are meant from a query.
pub(crate) fn of_query(fields: &mut Fields) -> Selection {
    let types = |text: &str| several(text.split(',').map(str::to_owned).collect());
    let types = fields.optional("event_type", read::parsed(types)).unwrap_or_default();
    narrowed(fields, types)
}

fn narrowed(fields: &mut Fields, event_types: Vec<EventType>) -> Selection {
    let since = fields.optional("since", read::time);
    let until = fields.optional("until", read::time);
    if since.zip(until).is_some_and(|(since, until)| since >= until) {
        fields.refuse("until", "must be later than since");
    }
    Selection {
        endpoint: fields.optional("webhook_id", read::id_text).map(EndpointRef::new),
        event_types,
        since,
        until,
        ended: None,
        reason: fields.optional("reason", read::parsed(reason)),
        status: fields.optional("status_class", read::parsed(status_class)),
    }
}

fn event_types(value: &Value) -> Result<Vec<EventType>, String> {
    several(read::strings(value)?)
}

fn several(names: Vec<String>) -> Result<Vec<EventType>, String> {
    if names.is_empty() || names.len() > MAX_TYPES {
        return Err(format!("must name 1 to {MAX_TYPES} event types"));
    }
    let types = names.into_iter().map(EventType::parse).collect::<Result<_, _>>();
    types.map_err(|error| format!("each {error}"))
}

fn ended(name: &str) -> Result<Ended, String> {
    let names = Ended::ALL.map(Ended::as_str);
    Ended::from_name(name).ok_or_else(|| format!("must be one of {}", names.join(", ")))
}

fn reason(name: &str) -> Result<DeadReason, String> {
    let names = DeadReason::ALL.map(DeadReason::as_str);
    DeadReason::from_name(name).ok_or_else(|| format!("must be one of {}", names.join(", ")))
}

fn status_class(name: &str) -> Result<StatusClass, String> {
    let names = StatusClass::NAMES.join(", ");
    StatusClass::from_name(name).ok_or_else(|| format!("must be one of {names}"))
}

/// What a replay means, as answered.
#[derive(Serialize)]
pub(crate) struct SelectionView {
    webhook_id: Option<String>,
    event_types: Option<Vec<EventType>>,
    #[serde(with = "time::serde::rfc3339::option")]
    since: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    until: Option<OffsetDateTime>,
    status: Option<&'static str>,
    reason: Option<&'static str>,
    status_class: Option<&'static str>,
}

impl From<Selection> for SelectionView {
    fn from(selection: Selection) -> Self {
        let types = selection.event_types;
        Self {
            webhook_id: selection.endpoint.map(|endpoint| endpoint.text().to_owned()),
            event_types: (!types.is_empty()).then_some(types),
            since: selection.since,
            until: selection.until,
            status: selection.ended.map(Ended::as_str),
            reason: selection.reason.map(DeadReason::as_str),
            status_class: selection.status.map(StatusClass::as_str),
        }
    }
}

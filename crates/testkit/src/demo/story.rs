//! The events of the demo, and how their receiver treats them.

use crate::producer::Draft;
use crate::receiver::{Answer, Behaviour};
use serde_json::{Value, json};

/// How many events are published, not counting the one that is published twice.
pub(super) const EVENTS: usize = 5;
/// How many requests they come to: one of them takes three attempts.
pub(super) const REQUESTS: usize = EVENTS + 2;
/// The type that is published twice.
pub(super) const FIRST: &str = "user.created";
/// The type whose receiver fails twice.
pub(super) const RETRIED: &str = "invoice.paid";

/// The events.
pub(super) fn drafts() -> [Draft; EVENTS] {
    [
        Draft::new(FIRST, &json!({ "id": "usr_2071", "name": "Ada Lovelace", "plan": "team" })),
        Draft::new("user.updated", &json!({ "id": "usr_2071", "plan": "business" })),
        Draft::new(
            RETRIED,
            &json!({ "id": "inv_0815", "amount": 4900, "currency": "EUR", "customer": "usr_2071" }),
        ),
        Draft::new("message.sent", &json!({ "id": "msg_77", "text": "Grüße aus Köln ✓" })),
        Draft::new("user.deleted", &json!({ "id": "usr_2071", "reason": null })),
    ]
}

/// 200 to all, but 500 and then 503 to the first two attempts of one event.
pub(super) fn behaviour() -> Behaviour {
    Behaviour::scripted(|asked| {
        let retried = type_of(asked.body) == RETRIED;
        match (retried, asked.attempt) {
            (true, 1) => Answer::Status(500),
            (true, 2) => Answer::Status(503),
            _ => Answer::Status(200),
        }
    })
}

/// The event type that a body names.
pub(super) fn type_of(body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    body["type"].as_str().unwrap_or("?").to_owned()
}

//! An event as a document prints it, and as a product's service publishes it.

use super::answer::Object;
use postrider_contract::Contracts;
use serde_json::value::RawValue;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// An event to publish.
#[expect(clippy::struct_field_names, reason = "it is the event's type, and `type` is taken")]
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) event_type: String,
    /// The payload as it is printed, white space and all.
    pub(super) data: String,
    pub(super) id: Option<String>,
    pub(super) at: Option<OffsetDateTime>,
}

impl Event {
    /// Reads the body that a document prints: with all that it says of the event.
    pub(super) fn printed(body: &str) -> Self {
        let body: Object = serde_json::from_str(body).unwrap();
        let optional = |key: &str| body.has(key).then(|| body.text(key));
        let at = optional("timestamp").map(|at| OffsetDateTime::parse(&at, &Rfc3339).unwrap());
        Self {
            event_type: optional("event").or_else(|| optional("type")).unwrap(),
            data: body.raw("data").to_owned(),
            id: optional("id"),
            at,
        }
    }

    /// The example that a contract's catalogue has for an event whose body no document prints.
    pub(super) fn catalogued(contract: &str, event_type: &str) -> Self {
        let contracts = Contracts::built_in();
        let contract = contracts.get(contract).expect("it is built in");
        let event = contract.catalogued(event_type);
        let event = event.unwrap_or_else(|| panic!("{event_type} is in the catalogue"));
        let example = std::str::from_utf8(event.example().as_bytes()).unwrap();
        let event_type = event_type.to_owned();
        Self { event_type, data: example.to_owned(), id: None, at: None }
    }

    /// The same as having happened then.
    pub(super) fn at(mut self, at: &str) -> Self {
        self.at = Some(OffsetDateTime::parse(at, &Rfc3339).unwrap());
        self
    }

    /// Its payload as JavaScript writes it.
    pub(super) fn compact(&self) -> String {
        compact(&self.data)
    }
}

/// JSON as it is printed, without the white space between its parts.
pub(super) fn compact(printed: &str) -> String {
    let (mut inside, mut escaped) = (false, false);
    let keep = |letter: &char| {
        let keeps = inside || !letter.is_whitespace();
        inside ^= *letter == '"' && !escaped;
        escaped = inside && *letter == '\\' && !escaped;
        keeps
    };
    let text: String = printed.chars().filter(keep).collect();
    assert!(serde_json::from_str::<&RawValue>(&text).is_ok(), "{text}");
    text
}

//! The event types that a contract's documents name, each with an example: what a test event says.

use crate::file;
use crate::json::{Normalised, normalise_object};
use crate::problems::Problems;

/// The longest event type, in characters.
pub const MAX_EVENT_TYPE_LEN: usize = 128;

/// Whether a text can be an event's type: words of `[A-Za-z0-9_-]` joined by single dots, at most
/// [`MAX_EVENT_TYPE_LEN`] characters.
///
/// ```
/// use postrider_contract::is_event_type;
/// assert!(is_event_type("user.created"));
/// assert!(!is_event_type("user..created"));
/// ```
pub fn is_event_type(text: &str) -> bool {
    let known = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let word = |word: &str| !word.is_empty() && word.chars().all(known);
    text.len() <= MAX_EVENT_TYPE_LEN && text.split('.').all(word)
}

/// A kind of event that a contract's documents name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CataloguedEvent {
    event_type: String,
    description: String,
    example: Normalised,
}

impl CataloguedEvent {
    /// Its type.
    pub fn event_type(&self) -> &str {
        &self.event_type
    }

    /// When it happens, in a sentence.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// A payload as such an event has it.
    pub fn example(&self) -> &Normalised {
        &self.example
    }

    pub(crate) fn read_all(problems: &mut Problems<'_>, given: &[file::Event]) -> Vec<Self> {
        let mut events: Vec<Self> = Vec::new();
        for (place, event) in given.iter().enumerate() {
            let key = format!("events[{place}]");
            let event_type = event.kind.get_ref();
            if !is_event_type(event_type) {
                let reason = "must be words of A-Z, a-z, 0-9, '_' and '-' joined by single dots, \
                              128 characters at most";
                problems.add(event.kind.span(), format!("{key}.type"), reason);
            }
            if events.iter().any(|one| one.event_type == *event_type) {
                problems.add(event.kind.span(), format!("{key}.type"), "is there twice");
            }
            check_description(problems, &format!("{key}.description"), &event.description);
            let example = match normalise_object(event.example.get_ref().as_bytes()) {
                Ok(example) => example,
                Err(error) => {
                    let key = format!("{key}.example");
                    problems.add_within(&event.example, error.offset(), key, error);
                    continue;
                }
            };
            let description = event.description.get_ref().clone();
            events.push(Self { event_type: event_type.clone(), description, example });
        }
        events
    }
}

/// A description is a line that people read.
pub(crate) fn check_description(problems: &mut Problems<'_>, key: &str, text: &file::Text) {
    let given = text.get_ref();
    if given.trim().is_empty() || given.chars().any(char::is_control) {
        problems.add(text.span(), key, "must be one line of text");
    }
}

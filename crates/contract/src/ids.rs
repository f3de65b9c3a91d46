//! How a contract writes ids: a prefix before the bare UUID.

use crate::file;
use crate::problems::Problems;
use uuid::Uuid;

/// The longest prefix, in characters.
const MAX_PREFIX_LEN: usize = 24;

/// The prefixes that a contract's ids are shown with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdPrefixes {
    event: String,
    delivery: String,
    endpoint: String,
}

impl IdPrefixes {
    /// An event's id as customers see it.
    pub fn event(&self, id: Uuid) -> String {
        format!("{}{}", self.event, id.hyphenated())
    }

    /// A delivery's id as customers see it, and receivers where the contract says so.
    pub fn delivery(&self, id: Uuid) -> String {
        format!("{}{}", self.delivery, id.hyphenated())
    }

    /// The id text that a new endpoint gets.
    pub fn endpoint(&self, id: Uuid) -> String {
        format!("{}{}", self.endpoint, id.hyphenated())
    }

    /// The prefixes of events, deliveries and endpoints; each may be empty.
    pub fn prefixes(&self) -> [&str; 3] {
        [&self.event, &self.delivery, &self.endpoint]
    }

    pub(crate) fn read(problems: &mut Problems<'_>, given: &file::Ids) -> Option<Self> {
        let mut prefix = |key: &str, text: &file::Text| {
            let rule = "must be letters, digits and '_', end with '_', and have 24 characters at \
                        most; or be empty";
            let checked =
                Self::is_prefix(text.get_ref()).then(|| text.get_ref().clone()).ok_or(rule);
            problems.take(text, format!("ids.{key}"), checked)
        };
        let event = prefix("event", &given.event);
        let delivery = prefix("delivery", &given.delivery);
        let endpoint = prefix("endpoint", &given.endpoint);
        Some(Self { event: event?, delivery: delivery?, endpoint: endpoint? })
    }

    /// Whether a contract may put this before its ids.
    pub fn is_prefix(text: &str) -> bool {
        let known = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let word = text.strip_suffix('_').is_some_and(|word| !word.is_empty());
        text.is_empty() || (word && text.len() <= MAX_PREFIX_LEN && text.chars().all(known))
    }
}

//! Order by key: what an event and an endpoint say about it.
//!
//! An endpoint that asks for it gets the deliveries of one key one after the other. How the order is
//! kept is the store's business.

use std::fmt;

/// The longest ordering key, in characters.
pub const MAX_ORDERING_KEY_LEN: usize = 128;

/// An `ordering_key` as a producer gave it: 1 to 128 characters, none of them a control character.
/// Two keys are the same if their bytes are.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OrderingKey(String);

/// The text is no ordering key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 128 characters without control characters")]
pub struct OrderingKeyError;

impl OrderingKey {
    /// Parses a key that a producer gave.
    pub fn parse(text: impl Into<String>) -> Result<Self, OrderingKeyError> {
        let text = text.into();
        let fits = !text.is_empty() && text.chars().count() <= MAX_ORDERING_KEY_LEN;
        if !fits || text.contains(char::is_control) {
            return Err(OrderingKeyError);
        }
        Ok(Self(text))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OrderingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What becomes of a key's deliveries once the one before them has failed for good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// They wait until that one is replayed and delivered, or discarded.
    Wait,
    /// They go on. The default: a receiver that can never take one message would otherwise get
    /// nothing more of its key until somebody looks.
    #[default]
    GoOn,
}

impl OnFailure {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Wait, Self::GoOn];

    /// The name, as stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Wait => "wait",
            Self::GoOn => "go_on",
        }
    }

    /// Reads a name back.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|on_failure| on_failure.as_str() == name)
    }
}

/// Whether an endpoint asks for order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndpointOrdering {
    /// The deliveries of one key go one after the other.
    pub by_key: bool,
    /// What happens after one that failed for good, if they do.
    pub on_failure: OnFailure,
}

/// The name of the order by key, as stored and shown; no order has none.
pub const BY_KEY: &str = "by_key";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_short_text_on_one_line() {
        for good in ["user:17", "a b", "ä/ö", &"é".repeat(128)] {
            assert_eq!(OrderingKey::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "a\nb", "a\0", "\u{85}", &"x".repeat(129)] {
            assert_eq!(OrderingKey::parse(bad), Err(OrderingKeyError), "{bad:?}");
        }
    }

    #[test]
    fn every_name_reads_back() {
        for on_failure in OnFailure::ALL {
            assert_eq!(OnFailure::from_name(on_failure.as_str()), Some(on_failure));
        }
    }
}

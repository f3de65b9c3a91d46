//! An endpoint: a URL of the tenant with the event types it wants. REST calls it a webhook.

use crate::event::{EventType, EventTypeError};
use crate::id::EndpointId;
use crate::ordering::EndpointOrdering;
use crate::seal::Sealed;
use crate::tenant::TenantId;
use postrider_contract::{BackoffOverrides, OwnRateLimit, RetrySchedule};
use std::time::Duration;
use time::OffsetDateTime;

/// The filter that wants every event type.
pub const EVERY_EVENT: &str = "*";
/// How many names a filter may have.
pub const MAX_FILTER_NAMES: usize = 200;

/// The event types that an endpoint wants: exact names, or `*` for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventFilter(Vec<String>);

/// The list is no filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventFilterError {
    /// No name at all: nothing would ever be sent.
    #[error("must name at least one event type, or *")]
    Empty,
    /// More names than [`MAX_FILTER_NAMES`].
    #[error("must have at most 200 names")]
    TooMany,
    /// A name that no event can have.
    #[error("'{name}' {rule}")]
    BadName {
        /// The name.
        name: String,
        /// What it breaks.
        rule: EventTypeError,
    },
    /// A name that stands twice.
    #[error("'{0}' stands twice")]
    Repeated(String),
}

impl EventFilter {
    /// The filter that wants everything.
    pub fn every() -> Self {
        Self(vec![EVERY_EVENT.to_owned()])
    }

    /// Parses a list of names; its order is kept and shown.
    pub fn parse(names: Vec<String>) -> Result<Self, EventFilterError> {
        if names.is_empty() {
            return Err(EventFilterError::Empty);
        }
        if names.len() > MAX_FILTER_NAMES {
            return Err(EventFilterError::TooMany);
        }
        for (index, name) in names.iter().enumerate() {
            if name != EVERY_EVENT {
                EventType::parse(name.as_str()).map_err(|rule| {
                    let name = name.chars().take(crate::event::MAX_EVENT_TYPE_LEN).collect();
                    EventFilterError::BadName { name, rule }
                })?;
            }
            if names[..index].contains(name) {
                return Err(EventFilterError::Repeated(name.clone()));
            }
        }
        Ok(Self(names))
    }

    /// Whether an event of this type is wanted.
    pub fn wants(&self, event_type: &EventType) -> bool {
        self.0.iter().any(|name| name == EVERY_EVENT || name == event_type.as_str())
    }

    /// The names, in the customer's order.
    pub fn names(&self) -> &[String] {
        &self.0
    }
}

/// Why an endpoint was switched off by us rather than paused by its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisableReason {
    /// A receiver answered 410: it is gone for good.
    Gone,
    /// The last attempt of a delivery failed, after which the contract says so.
    Exhausted,
    /// A receiver asked to be sent nothing more.
    Receiver,
}

impl DisableReason {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Gone, Self::Exhausted, Self::Receiver];

    /// The reason's name, as stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Exhausted => "exhausted",
            Self::Receiver => "receiver",
        }
    }

    /// Whether an endpoint that is off for this reason may be probed. The others are a receiver's own word.
    pub fn may_pass(self) -> bool {
        self == Self::Exhausted
    }

    /// Reads a stored name back.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }
}

/// That and since when an endpoint is switched off by us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disabled {
    /// When, on the database's clock.
    pub at: OffsetDateTime,
    /// Why.
    pub reason: DisableReason,
    /// When it is probed next, if it is to be; later, if nothing is held by then that could be sent.
    pub next_probe_at: Option<OffsetDateTime>,
}

/// The secret from before a rotation, which is valid until the overlap ends.
#[derive(Clone, Debug)]
pub struct PreviousSecret {
    /// It, sealed.
    pub secret: Sealed,
    /// When it ends, on the database's clock.
    pub until: OffsetDateTime,
}

/// An endpoint as stored.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Its id inside.
    pub id: EndpointId,
    /// The id text that it was created with, which its owner knows it by.
    pub public_id: String,
    /// Its owner.
    pub tenant: TenantId,
    /// The name of the contract that its receiver relies on: its own, or else its tenant's.
    pub contract: String,
    /// The contract that it names in place of its tenant's.
    pub own_contract: Option<String>,
    /// Where requests go.
    pub url: String,
    /// The owner's words.
    pub description: String,
    /// What it wants.
    pub events: EventFilter,
    /// What requests are signed with, sealed; the newest one while it is being rotated.
    pub secret: Sealed,
    /// What a rotation leaves valid for a while; one that had ended when this was read is left out.
    /// Whoever signs looks at the time.
    pub previous_secret: Option<PreviousSecret>,
    /// What its contract's second signature is made with, sealed, if the contract has one.
    pub second_secret: Option<Sealed>,
    /// False while its owner has it paused.
    pub active: bool,
    /// Set while it is switched off by us.
    pub disabled: Option<Disabled>,
    /// Whether it is probed while it is switched off for its failures, and on again once it answers.
    pub auto_enable: bool,
    /// Whether deliveries of one ordering key go one after the other.
    pub ordering: EndpointOrdering,
    /// Its own schedule in place of the contract's.
    pub retry_schedule: Option<RetrySchedule>,
    /// Its own numbers in the contract's exponential schedule, if that lets it have any.
    pub backoff: BackoffOverrides,
    /// Its own time-out in place of the contract's.
    pub timeout: Option<Duration>,
    /// Its own rate limit in place of the contract's.
    pub rate_limit: Option<OwnRateLimit>,
    /// Counts the changes; a dispatcher that holds an older one reads it anew.
    pub version: i64,
    /// When it was created, on the database's clock.
    pub created_at: OffsetDateTime,
    /// When it was last changed, on the database's clock.
    pub updated_at: OffsetDateTime,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(names: &[&str]) -> Result<EventFilter, EventFilterError> {
        EventFilter::parse(names.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn every_reason_reads_back() {
        for reason in DisableReason::ALL {
            assert_eq!(DisableReason::from_name(reason.as_str()), Some(reason));
        }
    }

    #[test]
    fn exact_names_and_the_star_are_matched() {
        let created = EventType::parse("user.created").unwrap();
        assert!(filter(&["user.created"]).unwrap().wants(&created));
        assert!(filter(&["x", "*"]).unwrap().wants(&created));
        assert!(!filter(&["user", "user.created.x"]).unwrap().wants(&created));
        assert!(EventFilter::every().wants(&created));
    }

    #[test]
    fn bad_lists_say_what_is_wrong() {
        assert_eq!(filter(&[]), Err(EventFilterError::Empty));
        assert_eq!(filter(&["a", "a"]), Err(EventFilterError::Repeated("a".into())));
        assert!(matches!(filter(&["user.*"]), Err(EventFilterError::BadName { .. })));
        let many: Vec<String> = (0..=MAX_FILTER_NAMES).map(|n| format!("t{n}")).collect();
        assert_eq!(EventFilter::parse(many), Err(EventFilterError::TooMany));
    }
}

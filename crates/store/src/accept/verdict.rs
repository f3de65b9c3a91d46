//! Which events of a batch are new, which are repeated, which contradict: what their keys say.
//!
//! Pure: an adapter reads who has the keys, lets every event be judged in its order, and writes down
//! what was decided.

use super::{Accepted, Fingerprint, NewEvent, QueuedDelivery};
use postrider_common::id::EventId;
use std::collections::HashMap;

/// What a key names: the two kinds do not meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    EventId,
    IdempotencyKey,
}

impl Kind {
    /// As it is stored.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::EventId => "e",
            Self::IdempotencyKey => "k",
        }
    }

    fn field(self) -> &'static str {
        match self {
            Self::EventId => "event_id",
            Self::IdempotencyKey => "idempotency_key",
        }
    }
}

/// One key of one tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key<'a> {
    pub(crate) tenant: &'a str,
    pub(crate) kind: Kind,
    pub(crate) text: &'a str,
}

/// The keys of an event: none, one or two.
pub(crate) fn keys_of(event: &NewEvent) -> impl Iterator<Item = Key<'_>> {
    let tenant = event.tenant.as_str();
    let given = event.given_id.iter().map(|id| (Kind::EventId, id.as_str()));
    let key = event.idempotency_key.iter().map(|key| (Kind::IdempotencyKey, key.as_str()));
    given.chain(key).map(move |(kind, text)| Key { tenant, kind, text })
}

/// The event that has a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) event: EventId,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) deliveries: u32,
}

impl Owner {
    /// A new event as the owner of its keys.
    pub(crate) fn new(event: &NewEvent, deliveries: u32) -> Self {
        Self { event: event.id, fingerprint: event.fingerprint, deliveries }
    }
}

/// What its keys say about an event.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Verdict {
    New,
    Duplicate { event: EventId, deliveries: u32 },
    Conflict { field: &'static str },
}

impl Verdict {
    /// The result for the caller; the arguments are what a new event made.
    pub(crate) fn into_accepted(self, deliveries: u32, queued: Vec<QueuedDelivery>) -> Accepted {
        match self {
            Self::New => Accepted::New { deliveries, queued },
            Self::Duplicate { event, deliveries } => Accepted::Duplicate { event, deliveries },
            Self::Conflict { field } => Accepted::Conflict { field },
        }
    }
}

/// Judges an event, and gives the keys that nobody has to whichever event it is. `count` is how many
/// deliveries it makes if it is new.
pub(crate) fn decide<'a>(
    event: &'a NewEvent,
    count: u32,
    owners: &mut HashMap<Key<'a>, Owner>,
) -> Verdict {
    let earlier = match judge(event, owners) {
        Ok(earlier) => earlier,
        Err(field) => return Verdict::Conflict { field },
    };
    let owner = earlier.unwrap_or_else(|| Owner::new(event, count));
    for key in keys_of(event) {
        owners.entry(key).or_insert(owner);
    }
    match earlier {
        None => Verdict::New,
        Some(Owner { event, deliveries, .. }) => Verdict::Duplicate { event, deliveries },
    }
}

/// The event that this one repeats, if it does. All of its keys that somebody has must be of one and
/// the same event, which means the same; else it is the field that is in conflict.
fn judge(
    event: &NewEvent,
    owners: &HashMap<Key<'_>, Owner>,
) -> Result<Option<Owner>, &'static str> {
    let mut earlier: Option<Owner> = None;
    for key in keys_of(event) {
        let Some(owner) = owners.get(&key).copied() else {
            continue;
        };
        let same = owner.fingerprint == event.fingerprint;
        if !same || earlier.is_some_and(|other| other.event != owner.event) {
            return Err(key.kind.field());
        }
        earlier = Some(owner);
    }
    Ok(earlier)
}

//! Idempotency keys: which events of a batch are new, which are repeated, which contradict.
//!
//! *Theory of operation.* Every key of the batch is inserted, each for the first event that bears
//! it; whoever inserts a key first has it, and the others wait for that transaction to end. The keys
//! that others had before are read in a second statement, which sees what was committed meanwhile.
//! Then the events are judged in their order, each against what came before it, in the table or in
//! the batch. Last, keys that were inserted for an event that turned out not to be new are given to
//! the event that it repeats, or removed.

mod table;

#[cfg(feature = "conformance")]
pub(in crate::postgres) use table::{INSERT, READ, REMOVE, WRITE};

use crate::accept::{Accepted, Fingerprint, NewEvent, QueuedDelivery};
use postrider_common::id::EventId;
use sqlx::PgConnection;
use std::collections::{BTreeMap, HashMap, HashSet};

/// What a key names: the two kinds do not meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Kind {
    EventId,
    IdempotencyKey,
}

impl Kind {
    /// PostgreSQL's `"char"`.
    fn code(self) -> &'static str {
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
struct Key<'a> {
    tenant: &'a str,
    kind: Kind,
    text: &'a str,
}

/// The keys of an event: none, one or two.
fn of(event: &NewEvent) -> impl Iterator<Item = Key<'_>> {
    let tenant = event.tenant.as_str();
    let given = event.given_id.iter().map(|id| (Kind::EventId, id.as_str()));
    let key = event.idempotency_key.iter().map(|key| (Kind::IdempotencyKey, key.as_str()));
    given.chain(key).map(move |(kind, text)| Key { tenant, kind, text })
}

/// The event that has a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Owner {
    event: EventId,
    fingerprint: Fingerprint,
    deliveries: u32,
}

/// What its keys say about an event.
#[derive(Clone, Copy, Debug)]
pub(super) enum Verdict {
    New,
    Duplicate { event: EventId, deliveries: u32 },
    Conflict { field: &'static str },
}

impl Verdict {
    /// The result for the caller; the arguments are what a new event made.
    pub(super) fn into_accepted(self, deliveries: u32, queued: Vec<QueuedDelivery>) -> Accepted {
        match self {
            Self::New => Accepted::New { deliveries, queued },
            Self::Duplicate { event, deliveries } => Accepted::Duplicate { event, deliveries },
            Self::Conflict { field } => Accepted::Conflict { field },
        }
    }
}

/// Claims the events' keys. `counts` are the deliveries that each event makes if it is new. Gives
/// one verdict per event.
pub(super) async fn claim<'a>(
    txn: &mut PgConnection,
    events: &[&'a NewEvent],
    counts: &[u32],
) -> Result<Vec<Verdict>, sqlx::Error> {
    let mut wanted: BTreeMap<Key<'a>, Owner> = BTreeMap::new();
    let mut repeats = false;
    for (event, count) in events.iter().zip(counts) {
        for key in of(event) {
            repeats |= wanted.contains_key(&key);
            wanted.entry(key).or_insert_with(|| owner(event, *count));
        }
    }
    let inserted = table::insert(txn, &wanted).await?;
    if inserted == wanted.len() && !repeats {
        return Ok(vec![Verdict::New; events.len()]);
    }

    let stored = table::read(txn, wanted.keys().copied()).await?;
    let ours: HashSet<EventId> = events.iter().map(|event| event.id).collect();
    let mut owners = stored.clone();
    owners.retain(|_, owner| !ours.contains(&owner.event));
    let verdicts = events.iter().zip(counts);
    let verdicts = verdicts.map(|(event, count)| decide(event, *count, &mut owners)).collect();
    correct(txn, &stored, &owners).await?;
    Ok(verdicts)
}

fn owner(event: &NewEvent, deliveries: u32) -> Owner {
    Owner { event: event.id, fingerprint: event.fingerprint, deliveries }
}

/// Judges an event, and gives the keys that nobody has to whichever event it is.
fn decide<'a>(event: &'a NewEvent, count: u32, owners: &mut HashMap<Key<'a>, Owner>) -> Verdict {
    let earlier = match judge(event, owners) {
        Ok(earlier) => earlier,
        Err(field) => return Verdict::Conflict { field },
    };
    let owner = earlier.unwrap_or_else(|| owner(event, count));
    for key in of(event) {
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
    for key in of(event) {
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

/// Makes the table say what was decided of the keys that this batch inserted.
async fn correct(
    txn: &mut PgConnection,
    stored: &HashMap<Key<'_>, Owner>,
    owners: &HashMap<Key<'_>, Owner>,
) -> Result<(), sqlx::Error> {
    let differs = |(key, owner): &(&Key<'_>, &Owner)| stored.get(key) != Some(owner);
    let changed = owners.iter().filter(differs).map(|(key, owner)| (*key, *owner)).collect();
    table::write(txn, &changed).await?;
    for key in stored.keys().filter(|key| !owners.contains_key(key)) {
        table::remove(txn, *key).await?;
    }
    Ok(())
}

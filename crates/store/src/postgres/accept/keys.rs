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

use crate::accept::NewEvent;
use crate::accept::verdict::{Key, Owner, Verdict, decide, keys_of};
use postrider_common::id::EventId;
use sqlx::PgConnection;
use std::collections::{BTreeMap, HashMap, HashSet};

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
        for key in keys_of(event) {
            repeats |= wanted.contains_key(&key);
            wanted.entry(key).or_insert_with(|| Owner::new(event, *count));
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

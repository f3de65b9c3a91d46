//! The table of idempotency keys: who has the keys of a batch, and those that are new.

use crate::accept::verdict::{Key, Owner, Verdict, decide, keys_of};
use crate::accept::{Fingerprint, NewEvent};
use crate::error::StoreError;
use crate::sqlite::batch::json;
use crate::sqlite::error::StoreResultExt as _;
use crate::sqlite::writer::WriteTxn;
use postrider_common::id::EventId;
use serde::Serialize;
use sqlx::FromRow;
use std::collections::{BTreeSet, HashMap, HashSet};
use uuid::Uuid;

const READ: &str = "
    WITH wanted AS MATERIALIZED (
        SELECT key AS position, value ->> 'tenant' AS tenant_id, value ->> 'kind' AS kind,
               value ->> 'text' AS text
        FROM json_each(?1)
    )
    SELECT wanted.position, k.event_id, k.fingerprint, k.deliveries
    FROM wanted CROSS JOIN idempotency_keys k
      ON k.tenant_id = wanted.tenant_id AND k.kind = wanted.kind AND k.key = wanted.text";

const INSERT: &str = "
    WITH new AS MATERIALIZED (SELECT value AS key FROM json_each(?1))
    INSERT INTO idempotency_keys (tenant_id, kind, key, event_id, fingerprint, deliveries,
                                  created_at)
    SELECT key ->> 'tenant', key ->> 'kind', key ->> 'text', unhex(key ->> 'event', '-'),
           unhex(key ->> 'fingerprint'), key ->> 'deliveries', ?2
    FROM new";

#[cfg(feature = "conformance")]
pub(in crate::sqlite) const STATEMENTS: [&str; 2] = [READ, INSERT];

/// Claims the events' keys. `counts` are the deliveries that each event makes if it is new. Gives
/// one verdict per event.
pub(super) async fn claim<'a>(
    txn: &mut WriteTxn,
    events: &[&'a NewEvent],
    counts: &[u32],
) -> Result<Vec<Verdict>, StoreError> {
    let keys: BTreeSet<Key<'a>> = events.iter().flat_map(|event| keys_of(event)).collect();
    if keys.is_empty() {
        return Ok(vec![Verdict::New; events.len()]);
    }
    let mut owners = read(txn, keys.into_iter().collect()).await?;
    let stored: HashSet<Key<'a>> = owners.keys().copied().collect();
    let events = events.iter().zip(counts);
    let verdicts = events.map(|(event, count)| decide(event, *count, &mut owners)).collect();
    owners.retain(|key, _| !stored.contains(key));
    insert(txn, &owners).await?;
    Ok(verdicts)
}

#[derive(Serialize)]
struct WantedRow<'a> {
    tenant: &'a str,
    kind: &'static str,
    text: &'a str,
}

impl<'a> WantedRow<'a> {
    fn of(key: Key<'a>) -> Self {
        Self { tenant: key.tenant, kind: key.kind.code(), text: key.text }
    }
}

#[derive(FromRow)]
struct FoundRow {
    position: u32,
    event_id: Uuid,
    fingerprint: Vec<u8>,
    deliveries: u32,
}

/// Reads who has these keys; a key that nobody has is absent.
async fn read<'a>(
    txn: &mut WriteTxn,
    keys: Vec<Key<'a>>,
) -> Result<HashMap<Key<'a>, Owner>, StoreError> {
    let wanted: Vec<WantedRow<'_>> = keys.iter().map(|key| WantedRow::of(*key)).collect();
    let rows: Vec<FoundRow> = sqlx::query_as(READ)
        .bind(json(&wanted)?)
        .fetch_all(txn.connection())
        .await
        .or_store_error()?;
    rows.into_iter().map(|row| row.into_owner(&keys)).collect()
}

impl FoundRow {
    fn into_owner<'a>(self, keys: &[Key<'a>]) -> Result<(Key<'a>, Owner), StoreError> {
        let unreadable = |what| StoreError::Unreadable { what };
        let key = keys.get(self.position as usize).ok_or(unreadable("position"))?;
        let fingerprint = self.fingerprint.try_into().map_err(|_| unreadable("fingerprint"))?;
        let owner = Owner {
            event: EventId::from_uuid(self.event_id),
            fingerprint: Fingerprint(fingerprint),
            deliveries: self.deliveries,
        };
        Ok((*key, owner))
    }
}

#[derive(Serialize)]
struct NewRow<'a> {
    #[serde(flatten)]
    key: WantedRow<'a>,
    event: EventId,
    fingerprint: String,
    deliveries: u32,
}

impl<'a> NewRow<'a> {
    fn of(key: Key<'a>, owner: &Owner) -> Self {
        Self {
            key: WantedRow::of(key),
            event: owner.event,
            fingerprint: hex::encode(owner.fingerprint.0),
            deliveries: owner.deliveries,
        }
    }
}

async fn insert(txn: &mut WriteTxn, new: &HashMap<Key<'_>, Owner>) -> Result<(), StoreError> {
    if new.is_empty() {
        return Ok(());
    }
    let rows: Vec<NewRow<'_>> = new.iter().map(|(key, owner)| NewRow::of(*key, owner)).collect();
    let now = txn.now();
    let insert = sqlx::query(INSERT).bind(json(&rows)?).bind(now);
    insert.execute(txn.connection()).await.or_store_error()?;
    Ok(())
}

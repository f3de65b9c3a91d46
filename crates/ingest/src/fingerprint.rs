//! The fingerprint that decides whether two publishes with one key mean the same event.
//!
//! The key itself is not in it, since either of two keys may be given; nor is the tenant, since keys
//! are a tenant's own.

use postrider_common::event::{EventType, GivenId, Metadata};
use postrider_common::ordering::OrderingKey;
use postrider_store::Fingerprint;
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

/// Stored fingerprints are compared with new ones for as long as keys live: a change of the encoding
/// makes every retry across it a conflict.
const ENCODING: &[u8] = b"postrider event 1";

/// Precedes the ordering key of an event that has one. No metadata's key has a space.
const ORDERING_KEY: &[u8] = b"ordering key";

/// Precedes the time of delivery of an event that has one.
const DELIVER_AT: &[u8] = b"deliver at";

/// The SHA-256 of an event's type, normalised payload, given id, time, metadata, ordering key and time of
/// delivery, each field preceded by its length, so that no two events have the same encoding.
pub fn fingerprint(
    event_type: &EventType,
    payload: &[u8],
    given_id: Option<&GivenId>,
    occurred_at: Option<OffsetDateTime>,
    metadata: &Metadata,
    ordering_key: Option<&OrderingKey>,
    deliver_at: Option<OffsetDateTime>,
) -> Fingerprint {
    let mut hash = Sha256::new();
    field(&mut hash, ENCODING);
    field(&mut hash, event_type.as_str().as_bytes());
    field(&mut hash, payload);
    // An id that was given is never empty, so an empty one stands for none.
    field(&mut hash, given_id.map_or("", GivenId::as_str).as_bytes());
    match occurred_at {
        None => field(&mut hash, &[]),
        Some(at) => field(&mut hash, &at.unix_timestamp_nanos().to_be_bytes()),
    }
    for (key, value) in metadata {
        field(&mut hash, key.as_bytes());
        field(&mut hash, value.as_bytes());
    }
    if let Some(key) = ordering_key {
        field(&mut hash, ORDERING_KEY);
        field(&mut hash, key.as_str().as_bytes());
    }
    if let Some(at) = deliver_at {
        field(&mut hash, DELIVER_AT);
        field(&mut hash, &at.unix_timestamp_nanos().to_be_bytes());
    }
    Fingerprint(hash.finalize().into())
}

fn field(hash: &mut Sha256, bytes: &[u8]) {
    hash.update((bytes.len() as u64).to_be_bytes());
    hash.update(bytes);
}

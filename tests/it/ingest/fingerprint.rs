//! Two fingerprints are the same exactly if everything that they cover is.

use postrider_common::event::{EventType, GivenId, Metadata};
use postrider_common::ordering::OrderingKey;
use postrider_ingest::fingerprint;
use postrider_store::Fingerprint;
use proptest::prelude::*;
use time::OffsetDateTime;

/// Everything that a fingerprint covers, from so small a range that equal ones are common, and with
/// texts that would be mistaken for each other if they were merely joined.
#[derive(Clone, Debug, PartialEq)]
struct Covered {
    event_type: String,
    payload: String,
    given_id: Option<String>,
    occurred_at: Option<i64>,
    metadata: Metadata,
    ordering_key: Option<String>,
    deliver_at: Option<i64>,
}

fn covered() -> impl Strategy<Value = Covered> {
    let metadata = proptest::collection::btree_map("[ab]{1,2}", "[ab]{0,2}", 0..3);
    (
        "[ab]{1,2}",
        "[ab]{0,2}",
        proptest::option::of("[ab]{1,2}"),
        proptest::option::of(0..2i64),
        metadata,
        proptest::option::of("[ab]{1,2}"),
        proptest::option::of(0..2i64),
    )
        .prop_map(|covered| {
            let (event_type, payload, given_id, occurred_at, metadata, ordering_key, deliver_at) =
                covered;
            Covered {
                event_type,
                payload,
                given_id,
                occurred_at,
                metadata,
                ordering_key,
                deliver_at,
            }
        })
}

fn of(covered: &Covered) -> Fingerprint {
    let event_type = EventType::parse(covered.event_type.clone()).unwrap();
    let given_id = covered.given_id.clone().map(|id| GivenId::parse(id).unwrap());
    let time = |at| OffsetDateTime::from_unix_timestamp(at).unwrap();
    let (at, deliver_at) = (covered.occurred_at.map(time), covered.deliver_at.map(time));
    let key = covered.ordering_key.clone().map(|key| OrderingKey::parse(key).unwrap());
    let payload = covered.payload.as_bytes();
    let (given_id, metadata, key) = (given_id.as_ref(), &covered.metadata, key.as_ref());
    fingerprint(&event_type, payload, given_id, at, metadata, key, deliver_at)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn it_tells_events_apart_and_nothing_else(one in covered(), other in covered()) {
        prop_assert_eq!(of(&one) == of(&other), one == other);
        prop_assert_eq!(of(&one), of(&one.clone()));
    }
}

/// Fingerprints are stored for 30 days and more: one that came out differently would turn every
/// retry into a conflict.
#[test]
fn its_encoding_never_changes() {
    let event = Covered {
        event_type: "order.paid".to_owned(),
        payload: r#"{"order":1.5}"#.to_owned(),
        given_id: Some("order-1".to_owned()),
        occurred_at: Some(1),
        metadata: [("region".to_owned(), "eu".to_owned())].into(),
        ordering_key: None,
        deliver_at: None,
    };
    let time = 1_000_000_000_i128.to_be_bytes();
    let mut fields: Vec<&[u8]> = vec![
        b"postrider event 1",
        b"order.paid",
        br#"{"order":1.5}"#,
        b"order-1",
        &time,
        b"region",
        b"eu",
    ];
    assert_eq!(of(&event), hashed(&fields));

    let ordered = Covered { ordering_key: Some("user:17".to_owned()), ..event };
    fields.extend([b"ordering key".as_slice(), b"user:17"]);
    assert_eq!(of(&ordered), hashed(&fields));
}

fn hashed(fields: &[&[u8]]) -> Fingerprint {
    let encoded: Vec<u8> = fields
        .iter()
        .flat_map(|field| [&(field.len() as u64).to_be_bytes(), *field].concat())
        .collect();
    Fingerprint(<sha2::Sha256 as sha2::Digest>::digest(&encoded).into())
}

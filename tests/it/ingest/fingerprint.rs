//! Two fingerprints are the same exactly if everything that they cover is.

use postrider_common::event::{EventType, GivenId, Metadata};
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
}

fn covered() -> impl Strategy<Value = Covered> {
    let metadata = proptest::collection::btree_map("[ab]{1,2}", "[ab]{0,2}", 0..3);
    (
        "[ab]{1,2}",
        "[ab]{0,2}",
        proptest::option::of("[ab]{1,2}"),
        proptest::option::of(0..2i64),
        metadata,
    )
        .prop_map(|(event_type, payload, given_id, occurred_at, metadata)| Covered {
            event_type,
            payload,
            given_id,
            occurred_at,
            metadata,
        })
}

fn of(covered: &Covered) -> Fingerprint {
    let event_type = EventType::parse(covered.event_type.clone()).unwrap();
    let given_id = covered.given_id.clone().map(|id| GivenId::parse(id).unwrap());
    let at = covered.occurred_at.map(|at| OffsetDateTime::from_unix_timestamp(at).unwrap());
    fingerprint(&event_type, covered.payload.as_bytes(), given_id.as_ref(), at, &covered.metadata)
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
    };
    let fields: [&[u8]; 7] = [
        b"postrider event 1",
        b"order.paid",
        br#"{"order":1.5}"#,
        b"order-1",
        &1_000_000_000_i128.to_be_bytes(),
        b"region",
        b"eu",
    ];
    let encoded: Vec<u8> = fields
        .iter()
        .flat_map(|field| [&(field.len() as u64).to_be_bytes(), *field].concat())
        .collect();
    let hash: [u8; 32] = <sha2::Sha256 as sha2::Digest>::digest(&encoded).into();
    assert_eq!(of(&event), Fingerprint(hash));
}

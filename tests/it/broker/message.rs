//! The message: it reads back as it was written, and no bytes make reading it panic.

use postrider_broker::{DecodeError, MAX_DELIVERIES, MAX_MESSAGE_BYTES, WorkItem, WorkMessage};
use postrider_common::id::{DeliveryId, EndpointId};
use postrider_common::tenant::TenantId;
use proptest::prelude::*;
use uuid::Uuid;

fn item() -> impl Strategy<Value = WorkItem> {
    (any::<u128>(), any::<u128>(), "[A-Za-z0-9_-]{1,64}").prop_map(
        |(delivery, endpoint, tenant)| WorkItem {
            delivery: DeliveryId::from_uuid(Uuid::from_u128(delivery)),
            endpoint: EndpointId::from_uuid(Uuid::from_u128(endpoint)),
            tenant: TenantId::parse(tenant).unwrap(),
        },
    )
}

fn items(count: usize) -> Vec<WorkItem> {
    let item = |n: usize| WorkItem {
        delivery: DeliveryId::from_uuid(Uuid::from_u128(n as u128)),
        endpoint: EndpointId::from_uuid(Uuid::max()),
        tenant: TenantId::parse("t".repeat(64)).unwrap(),
    };
    (0..count).map(item).collect()
}

fn one(count: usize) -> WorkMessage {
    let mut messages = WorkMessage::split(items(count));
    let message = messages.next().unwrap();
    assert_eq!(messages.next(), None);
    message
}

proptest! {
    #[test]
    fn a_message_reads_back_as_it_was_written(items in prop::collection::vec(item(), 1..20)) {
        let message = WorkMessage::split(items.clone()).next().unwrap();
        prop_assert_eq!(message.items(), &items[..]);
        let bytes = message.encode().unwrap();
        prop_assert_eq!(WorkMessage::decode(&bytes).unwrap(), message);
    }

    #[test]
    fn no_bytes_make_reading_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(WorkMessage::decode(&bytes).is_err());
    }

    #[test]
    fn a_damaged_message_is_refused_or_is_a_message(at in any::<prop::sample::Index>(), byte: u8) {
        let mut bytes = one(3).encode().unwrap().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(message) = WorkMessage::decode(&bytes) {
            prop_assert_eq!(message.items().len(), 3);
        }
    }
}

#[test]
fn work_is_split_into_as_few_messages_as_hold_it() {
    for (count, expected) in [(0, vec![]), (1, vec![1]), (256, vec![256]), (257, vec![256, 1])] {
        let messages: Vec<_> = WorkMessage::split(items(count)).collect();
        let sizes: Vec<_> = messages.iter().map(|message| message.items().len()).collect();
        assert_eq!(sizes, expected);
        let back: Vec<_> = messages.iter().flat_map(WorkMessage::items).cloned().collect();
        assert_eq!(back, items(count));
    }
}

#[test]
fn the_largest_message_is_small_enough() {
    let bytes = one(MAX_DELIVERIES).encode().unwrap();
    assert_eq!(WorkMessage::decode(&bytes).unwrap(), one(MAX_DELIVERIES));
    assert!(bytes.len() <= MAX_MESSAGE_BYTES, "{} bytes", bytes.len());
}

#[test]
fn a_message_has_this_form() {
    // Dispatchers of the version before read what is published while an upgrade rolls.
    let id = "00000000-0000-0000-0000-000000000000";
    let text = format!(
        r#"{{"version":1,"deliveries":[{{"delivery":"{id}","endpoint":"{}","tenant":"t"}}]}}"#,
        Uuid::max()
    );
    let message = WorkMessage::decode(text.as_bytes()).unwrap();
    assert_eq!(message.encode().unwrap(), text);
}

#[test]
fn what_is_wrong_is_named() {
    let good = one(1).encode().unwrap();
    let good = std::str::from_utf8(&good).unwrap();
    let decode = |text: &str| WorkMessage::decode(text.as_bytes()).unwrap_err();

    let version = good.replacen("\"version\":1", "\"version\":2", 1);
    assert!(matches!(decode(&version), DecodeError::Version(2)));
    // A later version may look quite different.
    assert!(matches!(decode(r#"{"version":7,"work":{}}"#), DecodeError::Version(7)));
    assert!(matches!(decode(r#"{"version":1,"deliveries":[]}"#), DecodeError::Count(0)));
    assert!(matches!(decode(""), DecodeError::Malformed(_)));
    assert!(matches!(decode(r#"{"deliveries":[]}"#), DecodeError::Malformed(_)));
    assert!(matches!(decode(&good[1..]), DecodeError::Malformed(_)));
    assert!(matches!(decode(&format!("{good} x")), DecodeError::Malformed(_)));
    let tenant = good.replacen("\"tenant\":\"t", "\"tenant\":\" ", 1);
    assert!(matches!(decode(&tenant), DecodeError::Malformed(_)));
    let padded = format!("{}{good}", " ".repeat(MAX_MESSAGE_BYTES));
    assert!(matches!(decode(&padded), DecodeError::Size(size) if size == padded.len()));

    let (head, item) = good.split_once('[').unwrap();
    let items = vec![item.strip_suffix("]}").unwrap(); MAX_DELIVERIES + 1].join(",");
    let many = decode(&format!("{head}[{items}]}}"));
    assert!(matches!(many, DecodeError::Count(257)), "{many}");
}

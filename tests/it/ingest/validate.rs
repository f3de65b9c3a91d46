//! Every rule that a field can break, and the borders of each.

use super::harness::{acme, event};
use bytes::Bytes;
use postrider_common::id::EventId;
use postrider_ingest::proto::PublishEventRequest;
use postrider_ingest::{MAX_PAYLOAD_BYTES, validate};
use postrider_store::NewEvent;
use prost_types::Timestamp;
use std::collections::BTreeMap;
use tonic_types::FieldViolation;

type Change = fn(&mut PublishEventRequest);

fn checked(change: Change) -> Result<NewEvent, Vec<FieldViolation>> {
    let mut request = event();
    change(&mut request);
    validate(EventId::generate(), Ok(acme()), request)
}

/// The only violation of a request that breaks one rule.
fn violation(change: Change) -> (String, String) {
    let mut violations = checked(change).unwrap_err();
    assert_eq!(violations.len(), 1, "{violations:?}");
    let one = violations.remove(0);
    (one.field, one.description)
}

fn entries(count: usize, key_len: usize, value_len: usize) -> BTreeMap<String, String> {
    let key = |n: usize| format!("{n:0>key_len$}");
    (0..count).map(|n| (key(n), "v".repeat(value_len))).collect()
}

fn at(seconds: i64, nanos: i32) -> Timestamp {
    Timestamp { seconds, nanos }
}

fn payload_of(len: usize) -> Bytes {
    let filler = "x".repeat(len - r#"{"a":""}"#.len());
    Bytes::from(format!(r#"{{"a":"{filler}"}}"#))
}

#[test]
fn each_broken_rule_is_named_with_its_field() {
    let cases: [(Change, &str, &str); 30] = [
        (|r| r.event_type.clear(), "event_type", "words of A-Z"),
        (|r| r.event_type = "a..b".into(), "event_type", "single dots"),
        (|r| r.event_type = "x".repeat(129), "event_type", "128 characters"),
        (|r| r.payload = Bytes::new(), "payload", "JSON object"),
        (|r| r.payload = "[]".into(), "payload", "JSON object"),
        (|r| r.payload = r#"{"a":1,"a":2}"#.into(), "payload", "duplicate key"),
        (|r| r.payload = b"{\"a\":\"\xff\"}"[..].into(), "payload", "UTF-8"),
        (|r| r.payload = payload_of(MAX_PAYLOAD_BYTES + 1), "payload", "262144 bytes, is 262145"),
        (|r| r.event_id = Some(String::new()), "event_id", "1 to 64"),
        (|r| r.event_id = Some("a b".into()), "event_id", "A-Z"),
        (|r| r.event_id = Some("x".repeat(65)), "event_id", "64 characters"),
        (|r| r.idempotency_key = Some(String::new()), "idempotency_key", "1 to 64"),
        (|r| r.idempotency_key = Some("ä".into()), "idempotency_key", "A-Z"),
        (|r| r.occurred_at = Some(at(-62_135_596_801, 0)), "occurred_at", "years 1 and 9999"),
        (|r| r.occurred_at = Some(at(253_402_300_800, 0)), "occurred_at", "years 1 and 9999"),
        (|r| r.occurred_at = Some(at(0, -1)), "occurred_at", "nanoseconds"),
        (|r| r.occurred_at = Some(at(0, 1_000_000_000)), "occurred_at", "nanoseconds"),
        (|r| r.occurred_at = Some(at(i64::MIN, 0)), "occurred_at", "years 1 and 9999"),
        (|r| r.metadata = entries(65, 2, 1), "metadata", "at most 64 entries, has 65"),
        (|r| r.metadata = entries(1, 65, 1), "metadata", "1 to 64 characters"),
        (|r| r.metadata = [(String::new(), "v".into())].into(), "metadata", "the key \"\""),
        (|r| r.metadata = [("a b".into(), "v".into())].into(), "metadata", "the key \"a b\""),
        (|r| r.metadata = [("a\nb".into(), "v".into())].into(), "metadata", r#"the key "a\nb""#),
        (|r| r.metadata = entries(1, 1, 1025), "metadata", "at most 1024 bytes, has 1025"),
        (|r| r.metadata = [("a".into(), "\0".into())].into(), "metadata", "no control characters"),
        (|r| r.metadata = entries(16, 1, 1024), "metadata", "at most 16384 bytes"),
        (|r| r.ordering_key = Some(String::new()), "ordering_key", "1 to 128 characters"),
        (|r| r.ordering_key = Some("x".repeat(129)), "ordering_key", "1 to 128 characters"),
        (|r| r.ordering_key = Some("a\nb".into()), "ordering_key", "without control characters"),
        (|r| r.deliver_at = Some(at(253_402_300_800, 0)), "deliver_at", "years 1 and 9999"),
    ];
    for (change, field, rule) in cases {
        let (found, description) = violation(change);
        assert_eq!(found, field, "{description}");
        assert!(description.contains(rule), "{field}: {description:?} names {rule:?}");
    }
}

#[test]
fn what_lies_on_the_border_is_accepted() {
    let cases: [Change; 12] = [
        |r| r.event_type = "x".repeat(128),
        |r| r.payload = payload_of(MAX_PAYLOAD_BYTES),
        |r| r.payload = "{}".into(),
        |r| r.event_id = Some("x".repeat(64)),
        |r| r.idempotency_key = Some("a_b.c-d".into()),
        |r| r.occurred_at = Some(at(-62_135_596_800, 0)),
        |r| r.occurred_at = Some(at(253_402_300_799, 999_999_999)),
        |r| r.metadata = entries(64, 64, 1),
        |r| r.metadata = entries(15, 64, 1024),
        |r| r.ordering_key = Some("é".repeat(128)),
        |r| r.ordering_key = Some("user 17 / ".into()),
        |r| r.metadata = [("A.b_c-9".into(), "Grüße, \u{1F600}".into())].into(),
    ];
    for (number, change) in cases.into_iter().enumerate() {
        assert!(checked(change).is_ok(), "case {number}");
    }
}

#[test]
fn all_violations_are_reported_at_once() {
    let bad = |r: &mut PublishEventRequest| {
        *r = PublishEventRequest {
            event_type: "?".into(),
            payload: "nonsense".into(),
            event_id: Some("?".into()),
            idempotency_key: Some("?".into()),
            occurred_at: Some(at(0, -1)),
            metadata: [("?".into(), "\u{7}".repeat(20_000))].into(),
            ordering_key: Some("k".into()),
            deliver_at: Some(at(0, 0)),
            ..PublishEventRequest::default()
        }
    };
    let mut request = event();
    bad(&mut request);
    let no_tenant = FieldViolation::new("tenant_id", "must be given");
    let violations = validate(EventId::generate(), Err(no_tenant), request).unwrap_err();
    let fields: Vec<_> = violations.iter().map(|violation| violation.field.as_str()).collect();
    let metadata = ["metadata"; 4];
    let expected = [
        &["tenant_id", "event_type", "payload", "event_id", "idempotency_key", "occurred_at"][..],
        &metadata[..],
        &["ordering_key", "deliver_at"][..],
    ];
    assert_eq!(fields, expected.concat());
}

#[test]
fn an_answer_stays_small_however_bad_the_request() {
    let hostile = "\u{1}".repeat(100_000);
    let metadata = (0..5000).map(|n| (format!("{n}{hostile}"), hostile.clone()));
    let mut request = event();
    request.metadata = metadata.take(20).collect();
    request.payload = format!(r#"{{"{0}":1,"{0}":1}}"#, "k".repeat(50_000)).into();
    let violations = validate(EventId::generate(), Ok(acme()), request).unwrap_err();
    let bytes: usize = violations.iter().map(|violation| violation.description.len()).sum();
    assert!(bytes < 2048, "{bytes} bytes");
}

#[test]
fn a_valid_request_becomes_the_event_that_it_describes() {
    let id = EventId::generate();
    let request = PublishEventRequest {
        event_id: Some("order-1".into()),
        occurred_at: Some(at(1, 5)),
        metadata: [("region".into(), "eu".into())].into(),
        ..event()
    };
    let event = validate(id, Ok(acme()), request).unwrap();
    assert_eq!((event.id, &event.tenant), (id, &acme()));
    assert_eq!(event.payload, r#"{"order":1.5}"#, "in its normal form");
    assert_eq!(event.given_id.unwrap().as_str(), "order-1");
    assert_eq!(event.occurred_at.unwrap().unix_timestamp_nanos(), 1_000_000_005);
    assert_eq!(event.metadata["region"], "eu");
}

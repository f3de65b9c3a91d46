//! Conformance: deliveries and attempts in the log, as their tenant sees them.

use super::Subject;
use super::fixtures::{CONTRACT, event, given, named, queued, retry, success};
use crate::accept::NewEvent;
use crate::endpoints::EndpointRef;
use crate::log::{DeliveryFilter, Replayed};
use bytes::Bytes;
use postrider_common::attempt::{FailureKind, Response};
use postrider_common::delivery::DeliveryState;
use postrider_common::id::{DeliveryId, EndpointId, EventId};
use std::time::Duration;

/// With what is known of its event and its endpoint.
pub async fn a_delivery_is_read_with_its_event_and_endpoint(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let new = NewEvent { given_id: given("order-17"), ..event(&tenant) };
    let id = queued(&subject.accept_one(new.clone()).await)[0];
    let stored = subject.delivery(&tenant, id).await;
    assert_eq!((stored.id, stored.event), (id, new.id));
    assert_eq!((&stored.tenant, &stored.event_type), (tenant.tenant(), &new.event_type));
    assert_eq!(stored.given_event_id.as_deref(), Some("order-17"));
    assert_eq!((stored.endpoint, stored.contract.as_str()), (endpoint.public_id, CONTRACT.0));
    assert_eq!((stored.state, stored.round, stored.attempts), (DeliveryState::Queued, 1, 0));
    assert_eq!((stored.last_status, stored.last_failure), (None, None));
    assert_eq!((stored.dead_reason, stored.finished_at), (None, None));
    let unknown = DeliveryId::generate_for(EventId::generate());
    assert!(subject.store.delivery_get(&tenant, unknown).await.expect("an answer").is_none());
}

/// By endpoint under each of its names, by event, by state, and by several at once.
pub async fn deliveries_are_filtered(subject: &Subject) {
    let (tenant, one) = subject.customer().await;
    let other = subject.endpoint(&tenant).await;
    let (first, second) = (event(&tenant), event(&tenant));
    let ids = queued(&subject.accept_one(first.clone()).await);
    subject.accept_one(second.clone()).await;
    let claimed = subject.claim_one(ids[0]).await;
    subject.settle(success(&claimed)).await;

    let count = async |filter: DeliveryFilter| subject.deliveries_by(&tenant, &filter).await.len();
    let none = DeliveryFilter::default();
    assert_eq!(count(none.clone()).await, 4);
    for name in [one.public_id.clone(), one.id.to_string(), format!("webhook_{}", one.id)] {
        let endpoint = Some(EndpointRef::new(name));
        assert_eq!(count(DeliveryFilter { endpoint, ..none.clone() }).await, 2);
    }
    let unknown = Some(EndpointRef::new(EndpointId::generate().to_string()));
    assert_eq!(count(DeliveryFilter { endpoint: unknown, ..none.clone() }).await, 0);
    assert_eq!(count(DeliveryFilter { event: Some(first.id), ..none.clone() }).await, 2);
    let delivered = Some(DeliveryState::Delivered);
    assert_eq!(count(DeliveryFilter { state: delivered, ..none.clone() }).await, 1);
    for (endpoint, event, expected) in [
        (claimed.endpoint, first.id, 1),
        (claimed.endpoint, second.id, 0),
        (if claimed.endpoint == one.id { other.id } else { one.id }, first.id, 0),
    ] {
        let endpoint = Some(EndpointRef::new(endpoint.to_string()));
        let filter = DeliveryFilter { endpoint, event: Some(event), state: delivered };
        assert_eq!(count(filter).await, expected);
    }
    // The log of a deleted endpoint stays.
    subject.delete(&tenant, &one).await;
    assert_eq!(count(DeliveryFilter { endpoint: Some(named(&one)), ..none }).await, 2);
}

/// Neither the delivery nor its attempts, and it cannot be replayed.
pub async fn another_tenants_delivery_is_not_there(subject: &Subject) {
    let (owner, endpoint) = subject.customer().await;
    let (stranger, _) = subject.customer().await;
    let claimed = subject.in_flight(&owner).await;
    subject.settle(success(&claimed)).await;
    let id = claimed.id;
    assert!(subject.store.delivery_get(&stranger, id).await.expect("an answer").is_none());
    assert!(subject.store.attempt_list(&stranger, id).await.expect("an answer").is_empty());
    let replayed = subject.store.delivery_replay(&stranger, id).await.expect("an answer");
    assert_eq!(replayed, Replayed::Unknown);
    for filter in [
        DeliveryFilter::default(),
        DeliveryFilter { endpoint: Some(named(&endpoint)), ..DeliveryFilter::default() },
        DeliveryFilter { event: Some(claimed.event), ..DeliveryFilter::default() },
    ] {
        assert!(subject.deliveries_by(&stranger, &filter).await.is_empty());
    }
    assert_eq!(subject.state(id).await, DeliveryState::Delivered);
}

/// NUL, bytes that are no UTF-8, header values of any text, an empty body.
pub async fn an_attempt_is_read_back_as_recorded(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let headers = vec![
        pair("X-B", "2"),
        pair("X-A", "\u{0}\u{1}\"quoted\" \u{fffd} ü"),
        pair("X-B", "1"),
        pair("Empty", ""),
    ];
    let bodies: [&[u8]; 4] = [b"", b"\0a\0", &[0xff, 0xfe, 0xc0, 0x80], b"<script>"];
    for body in bodies {
        let claimed = subject.in_flight(&tenant).await;
        let mut settlement = success(&claimed);
        settlement.record.request_headers.clone_from(&headers);
        settlement.record.duration = Duration::from_micros(299_999_999);
        settlement.record.response = Some(Response {
            status: 299,
            headers: headers.clone(),
            body: Bytes::from_static(body),
            body_end: "truncated".to_owned(),
        });
        subject.settle(settlement.clone()).await;
        let attempts = subject.store.attempt_list(&tenant, claimed.id).await.expect("attempts");
        let (stored, expected) = (&attempts[0].record, settlement.record);
        assert_eq!(stored.response, expected.response);
        assert_eq!(stored.request_headers, expected.request_headers);
        assert_eq!((stored.duration, stored.started_at), (expected.duration, expected.started_at));
    }
}

/// With the kind of its failure, whichever it is.
pub async fn an_attempt_without_an_answer_is_recorded(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    for failure in [FailureKind::Timeout, FailureKind::Dns, FailureKind::Tls, FailureKind::Closed] {
        let claimed = subject.in_flight(&tenant).await;
        let mut settlement = retry(&claimed, Duration::from_mins(10));
        settlement.record.failure = Some(failure);
        settlement.record.response = None;
        subject.settle(settlement).await;
        let attempts = subject.store.attempt_list(&tenant, claimed.id).await.expect("attempts");
        assert_eq!(attempts[0].record.failure, Some(failure));
        assert_eq!(attempts[0].record.response, None);
        let stored = subject.delivery(&tenant, claimed.id).await;
        assert_eq!((stored.last_failure, stored.last_status), (Some(failure), None));
    }
}

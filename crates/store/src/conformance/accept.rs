//! Conformance: what is stored of an accepted event, and that events do not touch each other.

use super::Subject;
use super::fixtures::{EARLIER, event, given, queued};
use crate::accept::{Accepted, Fingerprint, NewEvent};
use bytes::Bytes;
use postrider_common::delivery::DeliveryState;
use postrider_common::event::{Event, GivenId};
use postrider_common::id::EventId;
use postrider_common::tenant::{TenantId, TenantScope};

async fn stored(subject: &Subject, tenant: &TenantScope, id: EventId) -> Event {
    let event = subject.store.event_get(tenant, &id.to_string()).await;
    event.expect("an answer").expect("the event")
}

/// Payloads are bytes: no character and no escape in them changes.
pub async fn an_event_is_read_back_as_accepted(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let payloads: [&[u8]; 5] = [
        b"{}",
        br#"{"b":1,"a":2,"b":"\u0000 \ud800 \/"}"#,
        "{\"ü\":\"日本\u{1f600}\u{7f}\"}".as_bytes(),
        br#"{"n":1e400,"m":0.10,"k":12345678901234567890123}"#,
        &[0, 159, 146, 150, 255],
    ];
    for payload in payloads {
        let new = NewEvent {
            given_id: given(&format!("given.{}", payload.len())),
            payload: Bytes::from_static(payload),
            metadata: [("k".to_owned(), "v 'ü'".to_owned())].into(),
            occurred_at: Some(EARLIER),
            ..event(&tenant)
        };
        subject.accept_one(new.clone()).await;
        let stored = stored(subject, &tenant, new.id).await;
        assert_eq!(stored.payload, new.payload);
        assert_eq!(stored.given_id.as_deref(), new.given_id.as_ref().map(GivenId::as_str));
        assert_eq!((&stored.event_type, &stored.metadata), (&new.event_type, &new.metadata));
        assert_eq!((stored.id, stored.occurred_at), (new.id, EARLIER));
        assert_eq!(&stored.tenant, tenant.tenant());
    }
}

/// On the database's clock.
pub async fn an_event_without_a_time_happened_when_it_was_accepted(subject: &Subject) {
    let tenant = subject.tenant().await;
    let new = event(&tenant);
    subject.accept_one(new.clone()).await;
    let stored = stored(subject, &tenant, new.id).await;
    assert_eq!(stored.occurred_at, stored.accepted_at);
    let owner = subject.store.tenant_get(tenant.tenant()).await.expect("an answer");
    assert!(stored.accepted_at >= owner.expect("the tenant").created_at);
}

/// So that it lies beside its event, however late it is made.
pub async fn a_deliverys_id_carries_its_events_time(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let new = event(&tenant);
    let id = queued(&subject.accept_one(new.clone()).await)[0];
    assert_eq!(id.as_uuid().get_timestamp(), new.id.as_uuid().get_timestamp());
    assert_eq!(id.as_uuid().get_version_num(), 7);
}

/// The others are accepted.
pub async fn an_unknown_tenants_event_does_not_touch_its_neighbours(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let nobody = TenantScope::authorised(TenantId::parse("nobody").expect("an id"));
    let bad = NewEvent { idempotency_key: given("k"), given_id: given("e"), ..event(&nobody) };
    let good = NewEvent { idempotency_key: given("k"), given_id: given("e"), ..event(&tenant) };
    let events = [bad.clone(), good.clone(), bad.clone(), event(&tenant)];
    let accepted = subject.accept(&events).await;
    assert_eq!([&accepted[0], &accepted[2]], [&Accepted::UnknownTenant; 2]);
    assert_eq!(queued(&accepted[1]).len(), 1);
    assert_eq!(queued(&accepted[3]).len(), 1);
    // The tenant may come into being later; nothing of it is taken.
    assert_eq!(subject.accept_one(bad).await, Accepted::UnknownTenant);
    assert_eq!(subject.deliveries(&tenant).await.len(), 2);
}

/// Each event with its own result, in their order.
pub async fn a_batch_of_a_thousand_is_accepted(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let events: Vec<NewEvent> = (0..1_000_u16)
        .map(|n| NewEvent {
            idempotency_key: given(&format!("key-{n}")),
            fingerprint: Fingerprint([u8::try_from(n % 251).unwrap_or(0); 32]),
            ..event(&tenant)
        })
        .collect();
    let first = subject.accept(&events).await;
    let again: Vec<NewEvent> =
        events.iter().map(|event| NewEvent { id: EventId::generate(), ..event.clone() }).collect();
    let second = subject.accept(&again).await;
    assert_eq!((first.len(), second.len()), (1_000, 1_000));
    for ((event, first), second) in events.iter().zip(&first).zip(&second) {
        assert_eq!(queued(first).len(), 1);
        assert_eq!(*second, Accepted::Duplicate { event: event.id, deliveries: 1 });
    }
    let stored = subject.deliveries(&tenant).await;
    assert_eq!(stored.len(), 1_000);
    assert!(stored.iter().all(|delivery| delivery.state == DeliveryState::Queued));
}

/// It asks nothing of the database.
pub async fn an_empty_batch_has_no_results(subject: &Subject) {
    assert!(subject.accept(&[]).await.is_empty());
}

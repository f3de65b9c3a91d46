//! Conformance: events in the log, as their tenant sees them.

use super::Subject;
use super::fixtures::{EARLIER, event, event_type, given};
use crate::accept::NewEvent;
use crate::log::EventFilterBy;
use crate::page::PageRequest;
use postrider_common::event::GivenId;
use postrider_common::id::EventId;
use postrider_common::tenant::TenantScope;

async fn get(subject: &Subject, tenant: &TenantScope, id: &str) -> Option<EventId> {
    let event = subject.store.event_get(tenant, id).await.expect("an answer");
    event.map(|event| event.id)
}

/// Our id, bare or after any known prefix; the producer's, as given.
pub async fn an_event_is_found_by_either_of_its_ids(subject: &Subject) {
    let tenant = subject.tenant().await;
    let new = NewEvent { given_id: given("order-17"), ..event(&tenant) };
    subject.accept_one(new.clone()).await;
    for id in ["order-17".to_owned(), new.id.to_string(), format!("evt_{}", new.id)] {
        assert_eq!(get(subject, &tenant, &id).await, Some(new.id), "{id}");
    }
    for id in ["order-1", "ORDER-17", "", &EventId::generate().to_string()] {
        assert_eq!(get(subject, &tenant, id).await, None, "{id}");
    }
}

/// What a producer calls an event goes before what we call another.
pub async fn a_given_id_that_is_a_uuid_means_what_was_given(subject: &Subject) {
    let tenant = subject.tenant().await;
    let other = event(&tenant);
    subject.accept_one(other.clone()).await;
    let text = other.id.to_string();
    let new = NewEvent { given_id: given(&text), ..event(&tenant) };
    subject.accept_one(new.clone()).await;
    assert_eq!(get(subject, &tenant, &text).await, Some(new.id));
}

/// An idempotency key is none of its names.
pub async fn an_idempotency_key_names_no_event(subject: &Subject) {
    let tenant = subject.tenant().await;
    subject.accept_one(NewEvent { idempotency_key: given("k"), ..event(&tenant) }).await;
    assert_eq!(get(subject, &tenant, "k").await, None);
}

/// Newest first, all or of one type.
pub async fn events_are_listed(subject: &Subject) {
    let tenant = subject.tenant().await;
    let mut new = Vec::new();
    for (n, name) in ["a", "b", "a", "a.b"].into_iter().enumerate() {
        let given_id = given(&format!("id-{n}"));
        let occurred_at = Some(EARLIER);
        let event =
            NewEvent { event_type: event_type(name), given_id, occurred_at, ..event(&tenant) };
        subject.accept_one(event.clone()).await;
        new.push(event);
    }
    let list = async |event_type| {
        let page = PageRequest { limit: 10, after: None };
        let filter = EventFilterBy { event_type };
        subject.store.event_list(&tenant, &filter, page).await.expect("a page")
    };
    let all = list(None).await;
    assert!(all.next.is_none());
    for (listed, new) in all.rows.iter().zip(new.iter().rev()) {
        assert_eq!((listed.id, &listed.event_type), (new.id, &new.event_type));
        assert_eq!(listed.given_id.as_deref(), new.given_id.as_ref().map(GivenId::as_str));
        assert_eq!((&listed.metadata, listed.occurred_at), (&new.metadata, EARLIER));
    }
    assert_eq!(all.rows.len(), 4);
    let of_a: Vec<_> = list(Some(event_type("a"))).await.rows.iter().map(|one| one.id).collect();
    assert_eq!(of_a, [new[2].id, new[0].id]);
    assert!(list(Some(event_type("c"))).await.rows.is_empty());
}

/// Neither by its ids nor in a list.
pub async fn another_tenants_event_is_not_there(subject: &Subject) {
    let (owner, stranger) = (subject.tenant().await, subject.tenant().await);
    let new = NewEvent { given_id: given("e"), ..event(&owner) };
    subject.accept_one(new.clone()).await;
    assert_eq!(get(subject, &stranger, "e").await, None);
    assert_eq!(get(subject, &stranger, &new.id.to_string()).await, None);
    let page = PageRequest { limit: 10, after: None };
    let listed = subject.store.event_list(&stranger, &EventFilterBy::default(), page).await;
    assert!(listed.expect("a page").rows.is_empty());
    assert_eq!(get(subject, &owner, "e").await, Some(new.id));
}

//! Conformance: events in the log, as their tenant sees them.

use super::Subject;
use super::fixtures::{EARLIER, event, event_type, given};
use crate::accept::{Accepted, NewEvent};
use crate::log::EventFilterBy;
use crate::page::PageRequest;
use postrider_common::event::GivenId;
use postrider_common::id::EventId;
use postrider_common::tenant::TenantScope;
use uuid::Uuid;

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

/// As a producer's own ids may be, whatever their version.
pub async fn a_given_id_may_look_like_one_of_ours(subject: &Subject) {
    let tenant = subject.tenant().await;
    let theirs = [EventId::generate().as_uuid(), Uuid::new_v4()];
    for text in theirs.map(|id| id.to_string()) {
        for text in [format!("evt_{text}"), text] {
            let new = NewEvent { given_id: given(&text), ..event(&tenant) };
            let accepted = subject.accept_one(new.clone()).await;
            assert!(matches!(accepted, Accepted::New { .. }), "{text}: {accepted:?}");
            assert_eq!(get(subject, &tenant, &text).await, Some(new.id), "{text}");
        }
    }
}

/// One text names one event: what a tenant's event is called by us is no other's id, under any prefix.
/// Another tenant's is another's business, and who tries in vain leaves nothing behind.
pub async fn an_id_of_ours_is_given_to_no_other_event(subject: &Subject) {
    let (tenant, other) = (subject.tenant().await, subject.tenant().await);
    let ours = event(&tenant);
    subject.accept_one(ours.clone()).await;
    let bare = ours.id.to_string();
    for text in [bare.clone(), format!("evt_{bare}"), format!("msg_{bare}"), bare.to_uppercase()] {
        let named = |tenant| NewEvent { given_id: given(&text), ..event(tenant) };
        let (neighbour, new) = (event(&tenant), named(&tenant));
        let accepted = subject.accept(&[new.clone(), neighbour.clone(), named(&other)]).await;
        assert_eq!(accepted[0], Accepted::Namesake, "{text}");
        assert!(accepted[1..].iter().all(|one| matches!(one, Accepted::New { .. })), "{text}");
        assert_eq!(get(subject, &tenant, &text).await, Some(ours.id), "{text}");
        assert_eq!(get(subject, &tenant, &new.id.to_string()).await, None, "{text}");
        assert_eq!(get(subject, &tenant, &neighbour.id.to_string()).await, Some(neighbour.id));
    }
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

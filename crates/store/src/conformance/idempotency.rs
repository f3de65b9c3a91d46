//! Conformance: one event per key, however often and however concurrently it is sent; and a key
//! never means two things.

use super::Subject;
use super::fixtures::{event, given, queued};
use crate::accept::{Accepted, Fingerprint, NewEvent, QueueRoom};
use crate::log::EventFilterBy;
use crate::page::PageRequest;
use futures::future::join_all;
use postrider_common::id::EventId;
use postrider_common::tenant::TenantScope;
use std::collections::HashMap;
use std::sync::Arc;

const KEY: &str = "idempotency_key";
const ID: &str = "event_id";

/// An event with this key and this id, each none for an empty text, that means `meaning`.
fn keyed(tenant: &TenantScope, key: &str, id: &str, meaning: u8) -> NewEvent {
    NewEvent {
        idempotency_key: given(key),
        given_id: given(id),
        fingerprint: Fingerprint([meaning; 32]),
        ..event(tenant)
    }
}

async fn publish(subject: &Subject, new: NewEvent) -> Accepted {
    subject.accept_one(new).await
}

/// Publishes, and gives the id of the event that is new by that.
async fn publish_new(subject: &Subject, new: NewEvent) -> EventId {
    let id = new.id;
    let accepted = publish(subject, new).await;
    assert!(matches!(accepted, Accepted::New { .. }), "{accepted:?}");
    id
}

fn duplicate(event: EventId) -> Accepted {
    Accepted::Duplicate { event, deliveries: 1 }
}

async fn events(subject: &Subject, tenant: &TenantScope) -> Vec<EventId> {
    let all = PageRequest { limit: 10_000, after: None };
    let page = subject.store.event_list(tenant, &EventFilterBy::default(), all).await;
    page.expect("events").rows.into_iter().map(|event| event.id).collect()
}

/// By either of the keys, and by both; its event is not stored again.
pub async fn the_same_event_is_a_duplicate(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    for (n, (key, id)) in [("k", ""), ("", "e"), ("kk", "ee"), ("same", "same")].iter().enumerate()
    {
        let first = publish_new(subject, keyed(&tenant, key, id, 1)).await;
        for _ in 0..2 {
            assert_eq!(publish(subject, keyed(&tenant, key, id, 1)).await, duplicate(first));
        }
        assert_eq!(events(subject, &tenant).await.len(), n + 1);
        assert_eq!(subject.deliveries(&tenant).await.len(), n + 1);
    }
}

/// However equal they are.
pub async fn events_without_keys_are_each_new(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    for _ in 0..3 {
        publish_new(subject, keyed(&tenant, "", "", 1)).await;
    }
    assert_eq!(events(subject, &tenant).await.len(), 3);
}

/// A key and an event id of the same text, and the same key of two tenants.
pub async fn kinds_and_tenants_of_keys_do_not_meet(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let (other, _) = subject.customer().await;
    publish_new(subject, keyed(&tenant, "a", "", 1)).await;
    publish_new(subject, keyed(&tenant, "", "a", 2)).await;
    publish_new(subject, keyed(&other, "a", "", 3)).await;
    publish_new(subject, keyed(&other, "", "a", 4)).await;
}

/// It names the field that was used before; nothing is stored.
pub async fn a_key_that_meant_something_else_is_a_conflict(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    publish_new(subject, keyed(&tenant, "k", "e", 1)).await;
    for (key, id, field) in [("k", "", KEY), ("", "e", ID), ("k", "e2", KEY), ("k2", "e", ID)] {
        let conflict = publish(subject, keyed(&tenant, key, id, 2)).await;
        assert_eq!(conflict, Accepted::Conflict { field }, "{key} {id}");
    }
    let both = publish(subject, keyed(&tenant, "k", "e", 2)).await;
    assert!(matches!(both, Accepted::Conflict { .. }), "{both:?}");
    assert_eq!(events(subject, &tenant).await.len(), 1);
    // What was refused has taken none of its keys.
    publish_new(subject, keyed(&tenant, "k2", "e2", 3)).await;
}

/// The new one of its keys then means the earlier event as well.
pub async fn a_key_that_comes_later_means_the_same_event(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let by_key = publish_new(subject, keyed(&tenant, "k", "", 1)).await;
    assert_eq!(publish(subject, keyed(&tenant, "k", "e", 1)).await, duplicate(by_key));
    assert_eq!(publish(subject, keyed(&tenant, "", "e", 1)).await, duplicate(by_key));
    assert_eq!(publish(subject, keyed(&tenant, "k", "e", 1)).await, duplicate(by_key));

    let by_id = publish_new(subject, keyed(&tenant, "", "e2", 1)).await;
    assert_eq!(publish(subject, keyed(&tenant, "k2", "e2", 1)).await, duplicate(by_id));
    assert_eq!(publish(subject, keyed(&tenant, "k2", "", 1)).await, duplicate(by_id));
    let other = publish(subject, keyed(&tenant, "k2", "", 2)).await;
    assert_eq!(other, Accepted::Conflict { field: KEY });
    assert_eq!(events(subject, &tenant).await.len(), 2);
}

/// Whether or not they mean the same: they are two events.
pub async fn keys_of_two_events_are_a_conflict(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let by_key = publish_new(subject, keyed(&tenant, "k", "", 1)).await;
    let by_id = publish_new(subject, keyed(&tenant, "", "e", 1)).await;
    for meaning in [1, 2] {
        let both = publish(subject, keyed(&tenant, "k", "e", meaning)).await;
        assert!(matches!(both, Accepted::Conflict { .. }), "{both:?}");
    }
    assert_eq!(publish(subject, keyed(&tenant, "k", "", 1)).await, duplicate(by_key));
    assert_eq!(publish(subject, keyed(&tenant, "", "e", 1)).await, duplicate(by_id));
}

/// As if they had been sent one after another.
pub async fn keys_that_repeat_inside_a_batch_are_judged_in_order(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let batch = [
        keyed(&tenant, "k", "", 1),
        keyed(&tenant, "k", "", 1),
        keyed(&tenant, "k", "", 2),
        keyed(&tenant, "x", "e", 3),
        keyed(&tenant, "k", "e", 3),
        keyed(&tenant, "", "e", 3),
        keyed(&tenant, "", "", 1),
        keyed(&tenant, "k", "", 1),
    ];
    let (first, second) = (batch[0].id, batch[3].id);
    let accepted = subject.accept(&batch).await;
    assert_eq!(queued(&accepted[0]).len(), 1);
    assert_eq!(accepted[1], duplicate(first));
    assert_eq!(accepted[2], Accepted::Conflict { field: KEY });
    assert_eq!(queued(&accepted[3]).len(), 1);
    assert_eq!(accepted[4], Accepted::Conflict { field: KEY });
    assert_eq!(accepted[5], duplicate(second));
    assert_eq!(queued(&accepted[6]).len(), 1);
    assert_eq!(accepted[7], duplicate(first));
    assert_eq!(events(subject, &tenant).await.len(), 3);
}

/// An event that is in conflict takes none of its keys from a later one of the same batch.
pub async fn a_key_of_a_refused_event_is_free_inside_its_batch(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    publish_new(subject, keyed(&tenant, "k", "", 1)).await;
    let batch = [
        keyed(&tenant, "k", "e", 2),
        keyed(&tenant, "k2", "e", 3),
        keyed(&tenant, "k2", "", 3),
        keyed(&tenant, "k", "e3", 2),
    ];
    let second = batch[1].id;
    let accepted = subject.accept(&batch).await;
    assert_eq!(accepted[0], Accepted::Conflict { field: KEY });
    assert_eq!(queued(&accepted[1]).len(), 1);
    assert_eq!(accepted[2], duplicate(second));
    assert_eq!(accepted[3], Accepted::Conflict { field: KEY });
    // And so it is afterwards.
    assert_eq!(publish(subject, keyed(&tenant, "k2", "e", 3)).await, duplicate(second));
    let other = publish(subject, keyed(&tenant, "", "e", 2)).await;
    assert_eq!(other, Accepted::Conflict { field: ID });
    publish_new(subject, keyed(&tenant, "", "e3", 4)).await;
}

/// A duplicate and a conflict leave what is beside them alone.
pub async fn repeated_keys_do_not_touch_their_neighbours(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let earlier = publish_new(subject, keyed(&tenant, "k", "", 1)).await;
    let batch = [
        keyed(&tenant, "a", "", 1),
        keyed(&tenant, "k", "", 1),
        keyed(&tenant, "b", "", 1),
        keyed(&tenant, "k", "", 2),
        keyed(&tenant, "c", "", 1),
    ];
    let accepted = subject.accept(&batch).await;
    assert_eq!(accepted[1], duplicate(earlier));
    assert_eq!(accepted[3], Accepted::Conflict { field: KEY });
    for n in [0, 2, 4] {
        assert_eq!(queued(&accepted[n]).len(), 1);
    }
    assert_eq!(events(subject, &tenant).await.len(), 4);
}

/// The number that the first call was answered.
pub async fn a_duplicate_says_how_many_deliveries_its_event_made(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let event = publish_new(subject, keyed(&tenant, "k", "", 1)).await;
    subject.endpoint(&tenant).await;
    let again = publish(subject, keyed(&tenant, "k", "", 1)).await;
    assert_eq!(again, Accepted::Duplicate { event, deliveries: 1 });
}

/// Sixteen at once send the same keys in different orders; no key makes two events, nobody waits
/// for each other in a circle, and all are answered the same event for a key.
pub async fn many_at_once_make_one_event_per_key(subject: &Subject) {
    const KEYS: usize = 40;
    let (tenant, _) = subject.customer().await;
    let tasks = (0..16).map(|task| {
        let (store, tenant) = (Arc::clone(&subject.store), tenant.clone());
        let keys = (0..KEYS).map(move |n| if task % 2 == 0 { n } else { KEYS - 1 - n });
        let batch: Vec<NewEvent> =
            keys.map(|n| keyed(&tenant, &format!("k{n}"), &format!("e{}", KEYS - n), 1)).collect();
        tokio::spawn(async move {
            let room = QueueRoom::for_each(usize::MAX);
            let accepted = store.events_accept(&batch, &room).await.expect("accepted");
            batch.into_iter().zip(accepted).collect::<Vec<_>>()
        })
    });
    let mut answered: HashMap<String, Vec<EventId>> = HashMap::new();
    for results in join_all(tasks).await {
        for (event, accepted) in results.expect("no panic") {
            let id = match accepted {
                Accepted::New { .. } => event.id,
                Accepted::Duplicate { event, .. } => event,
                refused => panic!("{refused:?}"),
            };
            let key = event.idempotency_key.expect("a key").as_str().to_owned();
            answered.entry(key).or_default().push(id);
        }
    }
    assert_eq!(answered.len(), KEYS);
    for (key, ids) in answered {
        assert_eq!(ids.len(), 16);
        assert!(ids.iter().all(|id| *id == ids[0]), "{key} is one event: {ids:?}");
    }
    assert_eq!(events(subject, &tenant).await.len(), KEYS);
    assert_eq!(subject.deliveries(&tenant).await.len(), KEYS);
}

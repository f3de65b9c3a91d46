//! Conformance: which deliveries an accepted event makes, and that this is never out of date.

use super::Subject;
use super::fixtures::{event, event_type, gone, queued, wants};
use crate::accept::{Accepted, NewEvent, QueueRoom};
use crate::endpoints::EndpointPatch;
use postrider_common::delivery::DeliveryState::{Held, Queued, Scheduled};
use postrider_common::endpoint::Endpoint;
use postrider_common::tenant::{TenantId, TenantScope};
use std::collections::HashMap;
use std::sync::Arc;

fn of_type(tenant: &TenantScope, name: &str) -> NewEvent {
    NewEvent { event_type: event_type(name), ..event(tenant) }
}

/// How many deliveries an accepted event made, and how many of them are queued.
fn made(accepted: &Accepted) -> (u32, usize) {
    let Accepted::New { deliveries, queued } = accepted else {
        panic!("not new: {accepted:?}");
    };
    (*deliveries, queued.len())
}

/// Exact names and `*`; names of other types, prefixes and other tenants' endpoints do not match.
pub async fn an_event_makes_a_delivery_for_each_endpoint_that_wants_it(subject: &Subject) {
    let tenant = subject.tenant().await;
    let wanting = async |names: &[&str]| {
        subject.endpoint_with(&tenant, |new| new.events = wants(names)).await
    };
    let exact = wanting(&["user", "user.created"]).await;
    let every = wanting(&["*"]).await;
    wanting(&["user", "user.created.x", "USER.CREATED"]).await;
    subject.customer().await;

    let new = of_type(&tenant, "user.created");
    let accepted = subject.accept_one(new.clone()).await;
    let Accepted::New { deliveries: 2, queued } = &accepted else {
        panic!("{accepted:?}");
    };
    let mut endpoints: Vec<_> = queued.iter().map(|delivery| delivery.endpoint).collect();
    endpoints.sort();
    assert_eq!(endpoints, [exact.id, every.id]);
    assert!(queued.iter().all(|delivery| &delivery.tenant == tenant.tenant()));

    let stored = subject.deliveries(&tenant).await;
    let mut owed: Vec<_> = stored.iter().map(|delivery| delivery.endpoint.clone()).collect();
    owed.sort();
    assert_eq!(owed, [exact.public_id, every.public_id]);
    assert!(stored.iter().all(|delivery| delivery.event == new.id && delivery.state == Queued));
    assert_eq!(made(&subject.accept_one(of_type(&tenant, "other")).await), (1, 1));
}

/// It is stored all the same.
pub async fn an_event_that_nobody_wants_makes_no_delivery(subject: &Subject) {
    let tenant = subject.tenant().await;
    let new = event(&tenant);
    assert_eq!(made(&subject.accept_one(new.clone()).await), (0, 0));
    let stored = subject.store.event_get(&tenant, &new.id.to_string()).await.expect("an answer");
    assert_eq!(stored.expect("the event").id, new.id);
}

/// Whatever was remembered of the tenant's endpoints before.
pub async fn an_endpoint_is_matched_from_its_creation_on(subject: &Subject) {
    let tenant = subject.tenant().await;
    for count in 0..5 {
        assert_eq!(made(&subject.accept_one(event(&tenant)).await).0, count);
        subject.endpoint(&tenant).await;
    }
}

/// Deleting, pausing, resuming and filtering count from their answer on.
pub async fn a_changed_endpoint_is_matched_as_it_is_now(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let accept = async || made(&subject.accept_one(event(&tenant)).await);
    assert_eq!(accept().await, (1, 1));
    subject.switch(&tenant, &endpoint, false).await;
    assert_eq!(accept().await, (1, 0));
    subject.switch(&tenant, &endpoint, true).await;
    assert_eq!(accept().await, (1, 0), "behind what was held");
    assert_eq!(subject.feed(10).await.len(), 2);
    assert_eq!(accept().await, (1, 1));
    let patch = EndpointPatch { events: Some(wants(&["else"])), ..EndpointPatch::default() };
    subject.patch(&tenant, &endpoint, patch).await;
    assert_eq!(accept().await, (0, 0));
    let patch = EndpointPatch { events: Some(wants(&["*"])), ..EndpointPatch::default() };
    subject.patch(&tenant, &endpoint, patch).await;
    assert_eq!(accept().await, (1, 1));
    subject.delete(&tenant, &endpoint).await;
    assert_eq!(accept().await, (0, 0));
}

/// Each is matched: nothing accepted after the answer misses it.
pub async fn endpoints_that_are_created_meanwhile_miss_nothing(subject: &Subject) {
    let tenant = subject.tenant().await;
    let noise: Vec<_> = (0..2)
        .map(|_| {
            let (store, tenant) = (Arc::clone(&subject.store), tenant.clone());
            tokio::spawn(async move {
                for _ in 0..30 {
                    let room = QueueRoom::for_each(0);
                    store.events_accept(&[event(&tenant)], &room).await.expect("accepted");
                }
            })
        })
        .collect();
    for count in 1..=15 {
        subject.endpoint(&tenant).await;
        assert_eq!(made(&subject.accept_one(event(&tenant)).await).0, count);
    }
    for task in noise {
        task.await.expect("no panic");
    }
}

/// Paused by its owner or switched off by us.
pub async fn deliveries_of_an_endpoint_that_is_off_are_held(subject: &Subject) {
    let tenant = subject.tenant().await;
    let paused = subject.endpoint_with(&tenant, |new| new.active = false).await;
    let disabled = subject.endpoint(&tenant).await;
    let claimed = subject.in_flight(&tenant).await;
    subject.settle(gone(&claimed)).await;
    let on = subject.endpoint(&tenant).await;

    let new = event(&tenant);
    assert_eq!(made(&subject.accept_one(new.clone()).await), (3, 1));
    let stored = subject.deliveries(&tenant).await;
    let state_at = |endpoint: &Endpoint| {
        let of_this = |id: &String| *id == endpoint.public_id;
        let mut these = stored.iter().filter(|one| one.event == new.id && of_this(&one.endpoint));
        these.next().expect("a delivery").state
    };
    assert_eq!([&paused, &disabled, &on].map(state_at), [Held, Held, Queued]);
}

/// What is over a tenant's room is due at once and waits for the feeder.
pub async fn no_more_is_queued_than_there_is_room_for(subject: &Subject) {
    let (roomy, _) = subject.customer().await;
    let (tight, _) = subject.customer().await;
    subject.endpoint(&tight).await;
    let room = QueueRoom { default: 4, by_tenant: HashMap::from([(tight.tenant().clone(), 3)]) };
    let events = [event(&tight), event(&roomy), event(&tight), event(&roomy), event(&tight)];
    let accepted = subject.store.events_accept(&events, &room).await.expect("accepted");
    let counts: Vec<_> = accepted.iter().map(made).collect();
    assert_eq!(counts, [(2, 2), (1, 1), (2, 1), (1, 1), (2, 0)]);
    assert_eq!(accepted.iter().flat_map(queued).count(), 5);

    let waiting: Vec<_> = subject.deliveries(&tight).await;
    let waiting = waiting.iter().filter(|delivery| delivery.state == Scheduled);
    let waiting: Vec<_> = waiting.map(|delivery| delivery.id).collect();
    assert_eq!(waiting.len(), 3);
    for id in waiting {
        assert!(subject.raw(id).await.due_in_s.expect("a due time") <= 0.0);
    }
}

/// Up to a limit, and one tenant's alone.
pub async fn a_tenants_queued_deliveries_are_counted(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let (other, _) = subject.customer().await;
    let ids = subject.queue(&tenant, 5).await;
    subject.queue(&other, 2).await;
    subject.schedule(&tenant, 3).await;
    subject.claim(&ids[..1]).await;
    let count = async |limit| {
        subject.store.deliveries_queued(tenant.tenant(), limit).await.expect("a count")
    };
    assert_eq!((count(100).await, count(4).await, count(3).await), (4, 4, 3));
    let nobody = TenantId::parse("nobody").expect("an id");
    assert_eq!(subject.store.deliveries_queued(&nobody, 9).await.expect("a count"), 0);
}

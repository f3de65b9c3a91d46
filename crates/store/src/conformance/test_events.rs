//! Conformance: an event is accepted as a test for one endpoint. How its delivery goes on is in
//! `test_deliveries`.

use super::Subject;
use super::fixtures::{EARLIER, event, given, named, queued, wants};
use crate::accept::{Accepted, NewEvent, TestAccepted};
use crate::endpoints::{EndpointPatch, EndpointRef};
use crate::log::EventFilterBy;
use crate::page::PageRequest;
use postrider_common::delivery::DeliveryState;
use postrider_common::id::DeliveryId;
use postrider_common::tenant::TenantScope;
use postrider_contract::Contracts;

impl Subject {
    async fn ask_to_test(
        &self,
        tenant: &TenantScope,
        endpoint: &EndpointRef,
        event: &NewEvent,
    ) -> TestAccepted {
        self.store.test_accept(tenant, endpoint, event).await.expect("an answer")
    }

    /// Accepts an event as a test, and gives its delivery.
    pub(super) async fn test(
        &self,
        tenant: &TenantScope,
        endpoint: &EndpointRef,
        new: &NewEvent,
    ) -> DeliveryId {
        let accepted = self.ask_to_test(tenant, endpoint, new).await;
        let TestAccepted::Accepted { event, delivery } = accepted else {
            panic!("not accepted: {accepted:?}");
        };
        assert_eq!(event, new.id);
        delivery
    }
}

/// The event with everything that was said of it, and one delivery that is due at once; both are
/// known as tests.
pub async fn a_test_is_stored_with_one_delivery(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let new = NewEvent { given_id: given("order-1"), occurred_at: Some(EARLIER), ..event(&tenant) };
    let id = subject.test(&tenant, &named(&endpoint), &new).await;

    let stored = subject.store.event_get(&tenant, &new.id.to_string()).await.expect("an answer");
    let stored = stored.expect("the event");
    assert!(stored.test);
    assert_eq!((stored.id, stored.given_id.as_deref()), (new.id, Some("order-1")));
    assert_eq!((&stored.event_type, &stored.payload), (&new.event_type, &new.payload));
    assert_eq!((&stored.metadata, stored.occurred_at), (&new.metadata, EARLIER));

    let delivery = subject.delivery(&tenant, id).await;
    assert!(delivery.test);
    assert_eq!((delivery.event, &delivery.endpoint), (new.id, &endpoint.public_id));
    assert_eq!((delivery.state, delivery.attempts), (DeliveryState::Scheduled, 0));
    assert_eq!(delivery.next_attempt_at, Some(delivery.created_at));
    assert_eq!(id.as_uuid().get_timestamp(), new.id.as_uuid().get_timestamp());
    assert_eq!(subject.deliveries(&tenant).await.len(), 1);
}

/// Whether it says when it happened or not, and beside events that are none.
pub async fn tests_are_told_from_other_events(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let (real, test) = (event(&tenant), event(&tenant));
    let real_delivery = queued(&subject.accept_one(real.clone()).await)[0];
    subject.test(&tenant, &named(&endpoint), &test).await;
    let all = PageRequest { limit: 10, after: None };
    let listed = subject.store.event_list(&tenant, &EventFilterBy::default(), all).await;
    let listed = listed.expect("events").rows;
    assert_eq!(listed.len(), 2);
    for summary in listed {
        assert_eq!(summary.test, summary.id == test.id);
        assert_eq!(summary.occurred_at, summary.accepted_at);
    }
    assert!(!subject.delivery(&tenant, real_delivery).await.test);
}

/// To no other endpoint, and also to one that does not want its type.
pub async fn a_test_goes_to_its_endpoint_whatever_that_wants(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let picky = subject.endpoint_with(&tenant, |new| new.events = wants(&["nothing.else"])).await;
    for name in [picky.public_id.clone(), picky.id.to_string(), format!("wh_{}", picky.id)] {
        let id = subject.test(&tenant, &EndpointRef::new(name), &event(&tenant)).await;
        assert_eq!(subject.delivery(&tenant, id).await.endpoint, picky.public_id);
    }
    assert_eq!(subject.deliveries(&tenant).await.len(), 3);
}

/// It is not held.
pub async fn a_test_of_an_endpoint_that_is_off_is_due(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    subject.switch(&tenant, &endpoint, false).await;
    let id = subject.test(&tenant, &named(&endpoint), &event(&tenant)).await;
    assert_eq!(subject.state(id).await, DeliveryState::Scheduled);
}

/// Tests neither find keys nor leave any.
pub async fn a_tests_keys_are_not_looked_at(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let new = || NewEvent {
        given_id: given("order-1"),
        idempotency_key: given("key-1"),
        ..event(&tenant)
    };
    subject.test(&tenant, &named(&endpoint), &new()).await;
    let accepted = subject.accept_one(new()).await;
    assert!(matches!(accepted, Accepted::New { .. }), "{accepted:?}");
    subject.test(&tenant, &named(&endpoint), &new()).await;
    assert_eq!(subject.deliveries(&tenant).await.len(), 3);
}

/// Its body is made by the version that is in force of the endpoint's contract, whatever is in force
/// later; without one, by the present one.
pub async fn a_tests_body_is_made_by_the_contract_in_force(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let id = subject.test(&tenant, &named(&endpoint), &event(&tenant)).await;
    assert_eq!(subject.delivery(&tenant, id).await.contract_version, None);

    let built_in: Vec<_> = Contracts::built_in().iter().cloned().collect();
    subject.store.contracts_put(&built_in).await.expect("put in force");
    let in_force = subject.store.contracts_in_force().await.expect("contracts").contracts;
    let names = in_force.iter().map(|kept| (kept.name.clone(), kept.version)).take(2);
    for (name, version) in names {
        let contract = Some(Some(name));
        let patch = EndpointPatch { contract, ..EndpointPatch::default() };
        subject.patch(&tenant, &endpoint, patch).await;
        let id = subject.test(&tenant, &named(&endpoint), &event(&tenant)).await;
        assert_eq!(subject.delivery(&tenant, id).await.contract_version, Some(version));
    }
}

/// Nothing is stored of a test for an endpoint that the tenant has not.
pub async fn an_unknown_endpoint_gets_no_test(subject: &Subject) {
    let (tenant, deleted) = subject.customer().await;
    let (_, foreign) = subject.customer().await;
    subject.delete(&tenant, &deleted).await;
    for name in [named(&deleted), named(&foreign), EndpointRef::new("nothing")] {
        let new = event(&tenant);
        let accepted = subject.ask_to_test(&tenant, &name, &new).await;
        assert_eq!(accepted, TestAccepted::UnknownEndpoint);
        let stored = subject.store.event_get(&tenant, &new.id.to_string()).await;
        assert!(stored.expect("an answer").is_none());
    }
    assert!(subject.deliveries(&tenant).await.is_empty());
}

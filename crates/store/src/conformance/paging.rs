//! Conformance: a page starts after the last row of the one before, whatever came in meanwhile.

use super::Subject;
use super::fixtures::event;
use crate::accept::NewEvent;
use crate::log::{DeliveryFilter, EventFilterBy};
use crate::page::{Cursor, Page, PageRequest};
use std::fmt::Debug;

/// Reads five rows in pages of two, and lets `meanwhile` add rows between the pages.
async fn in_pages<T, K: Debug + PartialEq>(
    expected: Vec<K>,
    key: impl Fn(&T) -> K,
    page: impl AsyncFn(PageRequest) -> Page<T>,
    meanwhile: impl AsyncFn(),
) {
    let mut seen = Vec::new();
    let mut after: Option<Cursor> = None;
    for rows in [2, 2, 1] {
        let next = page(PageRequest { limit: 2, after }).await;
        assert_eq!(next.rows.len(), rows);
        seen.extend(next.rows.iter().map(&key));
        after = next.next;
        assert_eq!(after.is_some(), rows == 2, "only the last page is the last");
        meanwhile().await;
    }
    assert_eq!(seen, expected);
}

/// Newest first, none twice, none left out.
pub async fn endpoints_are_listed_in_pages(subject: &Subject) {
    let (tenant, other) = (subject.tenant().await, subject.tenant().await);
    let mut expected = Vec::new();
    for _ in 0..5 {
        expected.insert(0, subject.endpoint(&tenant).await.id);
        subject.endpoint(&other).await;
    }
    let page = async |page| subject.store.endpoint_list(&tenant, page).await.expect("a page");
    let meanwhile = async || drop(subject.endpoint(&tenant).await);
    in_pages(expected, |endpoint| endpoint.id, page, meanwhile).await;
}

/// Newest first, none twice, none left out.
pub async fn events_are_listed_in_pages(subject: &Subject) {
    let tenant = subject.tenant().await;
    let new: Vec<NewEvent> = (0..5).map(|_| event(&tenant)).collect();
    subject.accept(&new).await;
    let expected = new.iter().rev().map(|event| event.id).collect();
    let filter = EventFilterBy::default();
    let page = async |page| subject.store.event_list(&tenant, &filter, page).await.expect("a page");
    let meanwhile = async || drop(subject.accept_one(event(&tenant)).await);
    in_pages(expected, |event| event.id, page, meanwhile).await;
}

/// Newest first, none twice, none left out.
pub async fn deliveries_are_listed_in_pages(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let mut expected = subject.queue(&tenant, 5).await;
    expected.sort_by(|one, other| other.cmp(one));
    let filter = DeliveryFilter::default();
    let page =
        async |page| subject.store.delivery_list(&tenant, &filter, page).await.expect("a page");
    // Ids of one millisecond are in no order: what comes in meanwhile is made to be newer.
    let meanwhile = async || drop(subject.accept_one(newer(event(&tenant))).await);
    in_pages(expected, |delivery| delivery.id, page, meanwhile).await;
}

/// The event with an id of an hour later.
fn newer(event: NewEvent) -> NewEvent {
    const HOUR_MS: u128 = 3_600_000;
    let id = uuid::Uuid::from_u128(event.id.as_uuid().as_u128() + (HOUR_MS << 80));
    NewEvent { id: postrider_common::id::EventId::from_uuid(id), ..event }
}

/// A full last page is known to be the last.
pub async fn a_page_that_is_just_full_is_the_last(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    subject.queue(&tenant, 2).await;
    let two = PageRequest { limit: 2, after: None };
    let filter = DeliveryFilter::default();
    let page = subject.store.delivery_list(&tenant, &filter, two).await.expect("a page");
    assert_eq!((page.rows.len(), page.next), (2, None));
}

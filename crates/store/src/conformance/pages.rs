//! Conformance: an endpoint's own log, by deliveries and by attempts, and what was sent to it in all.

use super::fixtures::{EARLIER, named, retry, success};
use super::{RawStatistics, Subject};
use crate::endpoints::{EndpointRef, EndpointStatistics};
use crate::log::{AttemptSummary, DeliveryFilter, DeliveryPage, LoggedAttempt};
use postrider_common::attempt::FailureKind;
use postrider_common::delivery::DeliveryState;
use postrider_common::endpoint::Endpoint;
use postrider_common::id::{DeliveryId, EndpointId};
use postrider_common::tenant::TenantScope;
use std::time::Duration;

async fn page(
    subject: &Subject,
    tenant: &TenantScope,
    endpoint: &EndpointRef,
    limit: u32,
    offset: u64,
) -> Option<DeliveryPage> {
    subject.store.delivery_page(tenant, endpoint, limit, offset).await.expect("an answer")
}

async fn attempts(
    subject: &Subject,
    tenant: &TenantScope,
    endpoint: &EndpointRef,
    limit: u32,
) -> Option<Vec<LoggedAttempt>> {
    subject.store.attempt_log(tenant, endpoint, limit).await.expect("an answer")
}

fn ids(page: &DeliveryPage) -> Vec<DeliveryId> {
    page.rows.iter().map(|(delivery, _)| delivery.id).collect()
}

/// The attempts as pairs of the delivery and the attempt's number.
fn numbers(log: &[LoggedAttempt]) -> Vec<(DeliveryId, u32)> {
    log.iter().map(|logged| (logged.delivery.id, logged.attempt.number)).collect()
}

/// What the suite's settlements leave of an attempt.
fn summary(number: u32, status: u16, failure: Option<FailureKind>) -> AttemptSummary {
    let duration = Duration::from_micros(12_345);
    AttemptSummary { number, started_at: EARLIER, duration, status: Some(status), failure }
}

/// An attempt that fails, with the next one due at once.
async fn fail(subject: &Subject, id: DeliveryId) {
    let claimed = subject.claim_one(id).await;
    subject.settle(retry(&claimed, Duration::ZERO)).await;
    subject.feed(100).await;
}

async fn succeed(subject: &Subject, id: DeliveryId) {
    let claimed = subject.claim_one(id).await;
    subject.settle(success(&claimed)).await;
}

/// So many deliveries to one endpoint, beside which another gets the same events; newest first.
async fn deliveries(subject: &Subject, count: usize) -> (TenantScope, Endpoint, Vec<DeliveryId>) {
    let (tenant, endpoint) = subject.customer().await;
    subject.endpoint(&tenant).await;
    subject.queue(&tenant, count).await;
    let filter = DeliveryFilter { endpoint: Some(named(&endpoint)), ..DeliveryFilter::default() };
    let made = subject.deliveries_by(&tenant, &filter).await;
    (tenant, endpoint, made.iter().map(|delivery| delivery.id).collect())
}

/// One row for each, with its last attempt on record, if there is one.
pub async fn a_page_shows_deliveries_with_their_last_attempt(subject: &Subject) {
    let (tenant, endpoint, made) = deliveries(subject, 4).await;
    let [untouched, in_flight, failed, done] = made[..] else {
        panic!("not four: {made:?}");
    };
    subject.claim_one(in_flight).await;
    fail(subject, failed).await;
    fail(subject, failed).await;
    fail(subject, done).await;
    succeed(subject, done).await;
    // The second attempt of this one is not on record yet.
    subject.claim_one(failed).await;

    let page = page(subject, &tenant, &named(&endpoint), 10, 0).await.expect("a page");
    assert_eq!((ids(&page), page.total), (made, 4));
    let last = |id| page.rows.iter().find(|row| row.0.id == id).expect("a row").1.clone();
    assert_eq!((last(untouched), last(in_flight)), (None, None));
    assert_eq!(last(failed), Some(summary(2, 503, Some(FailureKind::Status))));
    assert_eq!(last(done), Some(summary(2, 200, None)));
    assert_eq!(page.rows[3].0.state, DeliveryState::Delivered);
    assert_eq!(page.rows[3].0.endpoint, endpoint.public_id);
}

/// By limit and offset, each with the count of all.
pub async fn a_page_is_a_part_of_the_whole(subject: &Subject) {
    let (tenant, endpoint, made) = deliveries(subject, 5).await;
    let name = EndpointRef::new(endpoint.id.to_string());
    for (limit, offset, expected) in [
        (2, 0, &made[..2]),
        (2, 2, &made[2..4]),
        (2, 4, &made[4..]),
        (5, 0, &made[..]),
        (2, 5, &[]),
        (2, u64::MAX, &[]),
        (0, 0, &[]),
    ] {
        let page = page(subject, &tenant, &name, limit, offset).await.expect("a page");
        assert_eq!((&ids(&page)[..], page.total), (expected, 5), "{limit} {offset}");
    }
}

/// Of the newest delivery first, and of each the last attempt first.
pub async fn attempts_are_logged_newest_first(subject: &Subject) {
    let (tenant, endpoint, made) = deliveries(subject, 3).await;
    let [newest, _untouched, oldest] = made[..] else {
        panic!("not three: {made:?}");
    };
    for id in [oldest, newest, oldest, newest, oldest] {
        fail(subject, id).await;
    }
    succeed(subject, newest).await;
    let all = [(newest, 3), (newest, 2), (newest, 1), (oldest, 3), (oldest, 2), (oldest, 1)];
    for limit in [0, 1, 2, 4, 6, 100] {
        let log = attempts(subject, &tenant, &named(&endpoint), limit).await.expect("a log");
        assert_eq!(numbers(&log), all[..all.len().min(limit as usize)]);
    }
    let log = attempts(subject, &tenant, &named(&endpoint), 10).await.expect("a log");
    assert_eq!(log[0].attempt, summary(3, 200, None));
    assert_eq!(log[5].attempt, summary(1, 503, Some(FailureKind::Status)));
    assert_eq!(log[5].delivery.endpoint, endpoint.public_id);
}

/// The log stays when its endpoint is deleted. When there is a new one of the same id text, that is
/// what is meant.
pub async fn a_deleted_endpoints_log_can_be_read(subject: &Subject) {
    let (tenant, endpoint, made) = deliveries(subject, 1).await;
    fail(subject, made[0]).await;
    subject.delete(&tenant, &endpoint).await;
    let name = named(&endpoint);
    let total = async || page(subject, &tenant, &name, 10, 0).await.expect("a page").total;
    let logged = async || attempts(subject, &tenant, &name, 10).await.expect("a log").len();
    assert_eq!((total().await, logged().await), (1, 1));
    subject.endpoint_with(&tenant, |new| new.public_id.clone_from(&endpoint.public_id)).await;
    assert_eq!((total().await, logged().await), (0, 0));
}

/// Neither one that is not there nor another tenant's.
pub async fn only_its_owner_reads_an_endpoints_log(subject: &Subject) {
    let (owner, endpoint, _) = deliveries(subject, 1).await;
    let stranger = subject.tenant().await;
    for (tenant, name) in [
        (&stranger, named(&endpoint)),
        (&stranger, EndpointRef::new(endpoint.id.to_string())),
        (&owner, EndpointRef::new("nothing")),
        (&owner, EndpointRef::new(EndpointId::generate().to_string())),
    ] {
        assert!(page(subject, tenant, &name, 10, 0).await.is_none());
        assert!(attempts(subject, tenant, &name, 10).await.is_none());
    }
}

/// What several writers have added up to, for the endpoints that are asked for. What was taken back
/// before it was counted is no less than nothing.
pub async fn statistics_are_added_up(subject: &Subject) {
    let (tenant, one) = subject.customer().await;
    let (other, unasked) = (subject.endpoint(&tenant).await, subject.endpoint(&tenant).await);
    let (_, foreign) = subject.customer().await;
    let add = async |id, attempted, dead, last_attempt_at| {
        let statistics = RawStatistics { attempted, dead, last_attempt_at };
        subject.hooks.add_statistics(id, statistics).await.expect("added");
    };
    let later = EARLIER + Duration::from_micros(1);
    add(one.id, 5, -1, Some(EARLIER)).await;
    add(one.id, 2, 4, Some(later)).await;
    add(one.id, 0, 0, None).await;
    add(other.id, -1, -2, None).await;
    for id in [unasked.id, foreign.id] {
        add(id, 1, 1, Some(EARLIER)).await;
    }

    let asked = [one.id, other.id, foreign.id, EndpointId::generate(), one.id];
    let read = subject.store.endpoint_statistics(&tenant, &asked).await.expect("statistics");
    assert_eq!(read.len(), 2);
    let expected = EndpointStatistics { attempted: 7, dead: 3, last_attempt_at: Some(later) };
    assert_eq!(read[&one.id], expected);
    assert_eq!(read[&other.id], EndpointStatistics::default());
    let none = subject.store.endpoint_statistics(&tenant, &[]).await.expect("an answer");
    assert!(none.is_empty());

    // The suite compares what was counted with what is there.
    for (id, attempted, dead) in [(one.id, -7, -3), (other.id, 1, 2)] {
        add(id, attempted, dead, None).await;
    }
    for id in [unasked.id, foreign.id] {
        add(id, -1, -1, None).await;
    }
}

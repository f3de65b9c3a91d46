//! Conformance: starts are reserved within the limit, for all who ask together, and in order.

use super::Subject;
use super::fixtures::ids;
use crate::feed::FeedLimits;
use crate::rate::{RateGrant, RatePlace, RateRequest};
use crate::work::WorkQueue;
use futures::future::join_all;
use postrider_common::endpoint::Endpoint;
use postrider_common::id::EndpointId;
use postrider_common::rate::RateLimit;
use postrider_contract::RateWindow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;

fn limit(windows: &[(u32, u64)]) -> RateLimit {
    let window =
        |&(requests, seconds)| RateWindow { requests, length: Duration::from_secs(seconds) };
    let windows: Vec<RateWindow> = windows.iter().map(window).collect();
    RateLimit::new(&windows).expect("a window")
}

fn request(endpoint: EndpointId, limit: &RateLimit, due: Vec<OffsetDateTime>) -> RateRequest {
    let places = due.into_iter().map(|due| RatePlace::InLine { due }).collect();
    RateRequest { endpoint, limit: limit.clone(), places, within: limit.margin() }
}

/// Asks for so many deliveries that were due before any other.
async fn reserve(
    subject: &Subject,
    endpoint: &Endpoint,
    limit: &RateLimit,
    wanted: usize,
) -> RateGrant {
    let due = vec![OffsetDateTime::UNIX_EPOCH; wanted];
    let requests = [request(endpoint.id, limit, due)];
    subject.store.rate_reserve(&requests).await.expect("an answer").remove(0)
}

fn granted(grant: &RateGrant) -> usize {
    grant.may_start.iter().filter(|may_start| **may_start).count()
}

/// The others may when the window is over, which is foreseen.
pub async fn no_more_start_than_a_window_holds(subject: &Subject) {
    let (_, endpoint) = subject.customer().await;
    let limit = limit(&[(5, 100)]);
    let before = subject.hooks.now().await.expect("a time");
    let first = reserve(subject, &endpoint, &limit, 3).await;
    assert_eq!((first.may_start, first.room), (vec![true; 3], 2));
    // SQLite's clock counts milliseconds.
    let slack = Duration::from_millis(1);
    assert!(
        first.at + slack >= before
            && first.at <= subject.hooks.now().await.expect("a time") + slack
    );

    let second = reserve(subject, &endpoint, &limit, 4).await;
    assert_eq!((second.may_start, second.room), (vec![true, true, false, false], 0));
    subject.age(99).await;
    assert_eq!(granted(&reserve(subject, &endpoint, &limit, 1).await), 0);
    subject.age(4).await;
    let third = reserve(subject, &endpoint, &limit, 9).await;
    assert_eq!((granted(&third), third.room), (5, 0));
}

/// The shorter opens first; the longer goes on counting.
pub async fn all_windows_hold(subject: &Subject) {
    let (_, endpoint) = subject.customer().await;
    let limit = limit(&[(5, 1_000), (3, 100)]);
    assert_eq!(granted(&reserve(subject, &endpoint, &limit, 9).await), 3);
    subject.age(103).await;
    assert_eq!(granted(&reserve(subject, &endpoint, &limit, 9).await), 2);
    subject.age(103).await;
    assert_eq!(granted(&reserve(subject, &endpoint, &limit, 9).await), 0);
    subject.age(900).await;
    assert_eq!(granted(&reserve(subject, &endpoint, &limit, 9).await), 3);
}

/// Each has its own, also where one question names several.
pub async fn endpoints_share_no_room(subject: &Subject) {
    let (tenant, one) = subject.customer().await;
    let (other, unlike) = (subject.endpoint(&tenant).await, subject.endpoint(&tenant).await);
    let (few, many) = (limit(&[(2, 100)]), limit(&[(7, 100)]));
    assert_eq!(granted(&reserve(subject, &other, &few, 1).await), 1);
    let due = || vec![OffsetDateTime::UNIX_EPOCH; 9];
    let requests = [
        request(unlike.id, &many, due()),
        request(other.id, &few, due()),
        request(one.id, &few, due()),
    ];
    let grants = subject.store.rate_reserve(&requests).await.expect("an answer");
    assert_eq!(grants.iter().map(granted).collect::<Vec<_>>(), [7, 1, 2]);
    assert!(subject.store.rate_reserve(&[]).await.expect("an answer").is_empty());
}

/// Dispatchers that ask at the same time, about endpoints that nobody asked about before, and each in
/// another order.
pub async fn many_at_once_share_one_limit(subject: &Subject) {
    let (tenant, first) = subject.customer().await;
    let endpoints = [first.id, subject.endpoint(&tenant).await.id];
    let limit = limit(&[(25, 3_600)]);
    let askers = (0..10).map(|asker| {
        let (store, limit) = (Arc::clone(&subject.store), limit.clone());
        tokio::spawn(async move {
            let mut total = [0, 0];
            for _ in 0..5 {
                let order = if asker % 2 == 0 { [0, 1] } else { [1, 0] };
                let due = || vec![OffsetDateTime::UNIX_EPOCH; 2];
                let requests = order.map(|place: usize| request(endpoints[place], &limit, due()));
                let grants = store.rate_reserve(&requests).await.expect("an answer");
                for (place, grant) in order.into_iter().zip(&grants) {
                    total[place] += granted(grant);
                }
            }
            total
        })
    });
    let totals = join_all(askers).await;
    let total = |place: usize| -> usize {
        totals.iter().map(|total| total.as_ref().expect("no panic")[place]).sum()
    };
    assert_eq!([total(0), total(1)], [25, 25], "of the 100 that each was asked for");
}

/// Those that are due and wait to be fed keep their places before what is due later.
pub async fn what_waits_is_not_overtaken(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let limit = limit(&[(5, 100)]);
    let now = subject.hooks.now().await.expect("a time");
    subject.schedule(&tenant, 3).await;
    subject.age(50).await;
    let (later, earlier) = (now, now - Duration::from_secs(500));
    let asks = request(endpoint.id, &limit, vec![later, earlier, later, later]);
    let grant = subject.store.rate_reserve(&[asks]).await.expect("an answer").remove(0);
    assert_eq!(grant.may_start, [true, true, false, false], "three of five places are kept");
    assert_eq!(grant.room, 3, "kept, and not taken");
}

/// However many places there are before them that nobody asks about.
pub async fn what_waits_keeps_its_places_of_many(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let now = subject.hooks.now().await.expect("a time");
    let ask = async |requests| {
        let asks = request(endpoint.id, &limit(&[(requests, 100)]), vec![now; 3]);
        let grant = subject.store.rate_reserve(&[asks]).await.expect("an answer").remove(0);
        // What was started is forgotten.
        subject.age(1_000).await;
        granted(&grant)
    };
    subject.schedule(&tenant, 20).await;
    subject.age(1_000).await;
    for (requests, started) in [(19, 0), (20, 0), (21, 1), (22, 2), (23, 3), (100, 3)] {
        assert_eq!(ask(requests).await, started, "of {requests}");
    }
}

/// However much waits that was due before it; it takes room like any other.
pub async fn a_test_waits_for_nobody(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let limit = limit(&[(2, 100)]);
    subject.schedule(&tenant, 3).await;
    subject.age(50).await;
    let due = subject.hooks.now().await.expect("a time");
    let (in_line, test) = (RatePlace::InLine { due }, RatePlace::First);
    let asks = async |places: &[RatePlace]| {
        let asks = RateRequest { places: places.to_vec(), ..request(endpoint.id, &limit, vec![]) };
        subject.store.rate_reserve(&[asks]).await.expect("an answer").remove(0)
    };
    assert_eq!(asks(&[in_line]).await.may_start, [false]);
    assert_eq!(asks(&[in_line, test]).await.may_start, [false, true]);
    assert_eq!(asks(&[test]).await.may_start, [true]);
    assert_eq!(asks(&[test]).await.may_start, [false], "there is no room");
}

/// Until there is room, and then as many as there is room for: those that were due first.
pub async fn an_endpoint_without_room_is_not_fed(subject: &Subject) {
    let (tenant, limited) = subject.customer().await;
    let (other, _) = subject.customer().await;
    let limit = limit(&[(3, 5)]);
    assert_eq!(granted(&reserve(subject, &limited, &limit, 9).await), 3);
    let mut waiting = Vec::new();
    for _ in 0..5 {
        waiting.extend(subject.schedule(&tenant, 1).await);
        subject.hooks.age(Duration::from_millis(200)).await.expect("time moves");
    }
    let others = subject.schedule(&other, 1).await;
    assert_eq!(ids(&subject.feed(10).await), others);

    subject.age(5).await;
    let fed = subject.feed(10).await;
    assert_eq!(ids(&fed), waiting[..3]);
    assert!(fed.iter().all(|fed| fed.queue == WorkQueue::First));
    assert!(subject.feed(10).await.is_empty(), "what is queued will take the room");
    subject.claim(&waiting[..3]).await;
    assert_eq!(granted(&reserve(subject, &limited, &limit, 3).await), 3);
    assert!(subject.feed(10).await.is_empty());
}

/// It goes in order, which what is under way together need not.
pub async fn a_quick_endpoint_with_a_limit_has_no_more_than_its_cap(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let limit = limit(&[(100, 5)]);
    assert_eq!(granted(&reserve(subject, &endpoint, &limit, 1).await), 1);
    subject.schedule(&tenant, 10).await;
    let quick = HashMap::from([(endpoint.id, 8)]);
    let limits = FeedLimits { total: 100, per_endpoint: 4, quick, per_tenant: 100 };
    assert_eq!(subject.feed_within(&limits).await.fed.len(), 4);
}

/// Should nobody ask any more, because the limit is gone, nothing is kept back for ever.
pub async fn a_limit_that_nobody_asks_about_is_forgotten(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let limit = limit(&[(1, 3_600)]);
    assert_eq!(granted(&reserve(subject, &endpoint, &limit, 2).await), 1);
    subject.schedule(&tenant, 5).await;
    assert!(subject.feed(10).await.is_empty());
    subject.age(11).await;
    assert_eq!(subject.feed(10).await.len(), 1, "one, to see whether it holds");
    subject.age(10).await;
    assert_eq!(subject.feed(10).await.len(), 4);
}

/// It is what its place among others goes by.
pub async fn a_claim_tells_when_it_was_due(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let id = subject.queue(&tenant, 1).await[0];
    subject.age(100).await;
    let now = subject.hooks.now().await.expect("a time");
    let due_at = subject.claim_one(id).await.due_at;
    let hundred = Duration::from_secs(100);
    assert!(due_at <= now - hundred && due_at > now - 2 * hundred, "{due_at}");
}

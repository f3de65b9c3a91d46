//! Conformance: the feeder hands out what is due, under each endpoint's cap, everybody in turn.

use super::Subject;
use super::fixtures::{ids, retry, success};
use crate::feed::{FeedLimits, Leftover};
use crate::work::WorkQueue;
use futures::future::join_all;
use postrider_common::delivery::DeliveryState::{InFlight, Queued, Scheduled};
use postrider_common::id::{DeliveryId, EndpointId};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// Not before its time, and then `queued`, with what its message needs.
pub async fn what_is_due_is_fed(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let claimed = subject.in_flight(&tenant).await;
    subject.settle(retry(&claimed, Duration::from_mins(10))).await;
    subject.age(500).await;
    assert!(subject.feed(10).await.is_empty());
    subject.age(100).await;
    let fed = subject.feed(10).await;
    assert_eq!(ids(&fed), [claimed.id]);
    assert_eq!(fed[0].delivery.endpoint, endpoint.id);
    assert_eq!(&fed[0].delivery.tenant, tenant.tenant());
    assert_eq!(subject.state(claimed.id).await, Queued);
    assert!(subject.feed(10).await.is_empty(), "it is fed once");
}

/// By whether an attempt was made.
pub async fn first_attempts_and_retries_go_to_their_queues(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let claimed = subject.in_flight(&tenant).await;
    subject.settle(retry(&claimed, Duration::ZERO)).await;
    let first = subject.schedule(&tenant, 1).await[0];
    let fed = subject.feed(10).await;
    let queues: HashMap<_, _> = fed.iter().map(|fed| (fed.delivery.id, fed.queue)).collect();
    let expected = HashMap::from([(claimed.id, WorkQueue::Retry), (first, WorkQueue::First)]);
    assert_eq!(queues, expected);
}

/// Less what is `queued` and `in_flight`; the longest due go first.
pub async fn an_endpoint_is_fed_up_to_its_cap(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let claimed = subject.in_flight(&tenant).await;
    let queued = subject.queue(&tenant, 1).await[0];
    let mut oldest = Vec::new();
    for _ in 0..4 {
        oldest.extend(subject.schedule(&tenant, 1).await);
        subject.age(10).await;
    }
    assert_eq!(ids(&subject.feed_capped(10, 4).await), oldest[..2]);
    assert!(subject.feed_capped(10, 4).await.is_empty());
    assert!(subject.feed_capped(10, 1).await.is_empty(), "a smaller cap than there is busy");

    subject.settle(success(&claimed)).await;
    assert_eq!(ids(&subject.feed_capped(10, 4).await), oldest[2..3]);
    subject.claim_one(queued).await;
    assert!(subject.feed_capped(10, 4).await.is_empty(), "in flight counts like queued");
    assert_eq!(ids(&subject.feed_capped(10, 5).await), oldest[3..]);
}

/// As many as it is said to be good for, and never fewer than others.
pub async fn a_quick_endpoint_is_fed_beyond_the_cap(subject: &Subject) {
    let (one, quick) = subject.customer().await;
    let (two, other) = subject.customer().await;
    subject.schedule(&one, 10).await;
    subject.schedule(&two, 10).await;
    let mut limits = FeedLimits { total: 100, per_endpoint: 4, ..FeedLimits::default() };
    limits.per_tenant = 100;
    limits.quick = HashMap::from([(quick.id, 7), (other.id, 1)]);
    let fed = subject.feed_within(&limits).await.fed;
    let count = |id: EndpointId| fed.iter().filter(|fed| fed.delivery.endpoint == id).count();
    assert_eq!([quick.id, other.id].map(count), [7, 4]);
    let again = subject.feed_within(&limits).await;
    assert_eq!((again.fed.len(), again.left), (0, Leftover::AwaitsRoom));

    limits.quick.clear();
    subject.claim_one(fed[0].delivery.id).await;
    assert!(subject.feed_within(&limits).await.fed.is_empty(), "more are under way than may be");
}

/// At most so many at a tick, none twice, and all in the end.
pub async fn a_tick_feeds_no_more_than_its_total(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let due = subject.schedule(&tenant, 25).await;
    let mut fed = Vec::new();
    for expected in [10, 10, 5, 0] {
        let tick = subject.feed(10).await;
        assert_eq!(tick.len(), expected);
        fed.extend(ids(&tick));
    }
    let distinct: HashSet<DeliveryId> = fed.into_iter().collect();
    assert_eq!(distinct, due.into_iter().collect());
    assert!(subject.feed(0).await.is_empty());
}

/// However many one has waiting, and however long.
pub async fn tenants_are_fed_in_turn(subject: &Subject) {
    let (many, _) = subject.customer().await;
    subject.endpoint(&many).await;
    subject.schedule(&many, 40).await;
    subject.age(1_000).await;
    let mut few = Vec::new();
    for _ in 0..3 {
        let (tenant, _) = subject.customer().await;
        subject.schedule(&tenant, 2).await;
        few.push(tenant);
    }
    let fed = subject.feed(8).await;
    let count = |tenant| fed.iter().filter(|fed| fed.delivery.tenant == tenant).count();
    assert_eq!(count(many.tenant().clone()), 2);
    for tenant in few {
        assert_eq!(count(tenant.tenant().clone()), 2);
    }
}

/// Of one tenant: an endpoint with many due, and due for long, takes no other's turn.
pub async fn endpoints_are_fed_in_turn(subject: &Subject) {
    let (tenant, busy) = subject.customer().await;
    subject.schedule(&tenant, 50).await;
    subject.age(1_000).await;
    subject.switch(&tenant, &busy, false).await;
    let others = [subject.endpoint(&tenant).await, subject.endpoint(&tenant).await];
    subject.schedule(&tenant, 3).await;
    subject.switch(&tenant, &busy, true).await;

    let fed = subject.feed(9).await;
    let count = |id: EndpointId| fed.iter().filter(|fed| fed.delivery.endpoint == id).count();
    assert_eq!([busy.id, others[0].id, others[1].id].map(count), [3, 3, 3]);
}

/// When there are more tenants than a tick takes, the others go with the next.
pub async fn nobody_is_passed_over_for_ever(subject: &Subject) {
    let mut order = Vec::new();
    for _ in 0..5 {
        let (tenant, _) = subject.customer().await;
        order.push(tenant.tenant().clone());
        subject.schedule(&tenant, 3).await;
        subject.age(10).await;
    }
    let mut served = Vec::new();
    for _ in 0..5 {
        let fed = subject.feed(3).await;
        assert_eq!(fed.len(), 3);
        served.extend(fed.into_iter().map(|fed| fed.delivery.tenant));
    }
    let in_two: HashSet<_> = served[..6].iter().collect();
    assert_eq!(in_two, order.iter().collect(), "everybody's turn has come");
    for tenant in &order {
        assert_eq!(served.iter().filter(|served| *served == tenant).count(), 3, "and none's twice");
    }
}

/// Of one tenant: a step goes on where the last one stopped, and says whether there is more.
pub async fn a_step_goes_on_where_the_last_one_stopped(subject: &Subject) {
    let tenant = subject.tenant().await;
    let mut endpoints = Vec::new();
    for _ in 0..5 {
        endpoints.push(subject.endpoint(&tenant).await.id);
    }
    subject.schedule(&tenant, 2).await;
    let limits =
        FeedLimits { total: 2, per_endpoint: 10, per_tenant: 100, ..FeedLimits::default() };
    let mut served = Vec::new();
    for _ in 0..5 {
        let feeding = subject.feed_within(&limits).await;
        assert_eq!((feeding.fed.len(), feeding.left), (2, Leftover::AwaitsStep));
        let step: HashSet<_> = feeding.fed.iter().map(|fed| fed.delivery.endpoint).collect();
        served.push(step);
    }
    let expected: Vec<HashSet<_>> =
        endpoints.repeat(2).chunks(2).map(|step| step.iter().copied().collect()).collect();
    assert_eq!(served, expected);
    let feeding = subject.feed_within(&limits).await;
    assert_eq!((feeding.fed.len(), feeding.left), (0, Leftover::Nothing));
}

/// However many endpoints wait for a later time.
pub async fn what_is_not_due_yet_hides_nothing(subject: &Subject) {
    let tenant = subject.tenant().await;
    for _ in 0..21 {
        subject.endpoint(&tenant).await;
    }
    let due = subject.schedule(&tenant, 1).await;
    for id in &due[1..] {
        subject.hooks.postpone(*id, Duration::from_hours(1)).await.expect("later");
    }
    let mut fed = Vec::new();
    for _ in 0..6 {
        fed.extend(ids(&subject.feed(1).await));
    }
    assert_eq!(fed, due[..1]);
}

/// What its endpoints would have room for waits for what is queued of it; nobody else's does.
pub async fn a_tenant_is_fed_up_to_its_limit(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    subject.endpoint(&tenant).await;
    subject.schedule(&tenant, 4).await;
    let (other, _) = subject.customer().await;
    let others = subject.schedule(&other, 1).await;
    let limits =
        FeedLimits { total: 100, per_endpoint: 10, per_tenant: 5, ..FeedLimits::default() };
    let feeding = subject.feed_within(&limits).await;
    assert_eq!((feeding.fed.len(), feeding.left), (6, Leftover::AwaitsRoom));
    assert!(ids(&feeding.fed)[..2].contains(&others[0]), "it goes with the first");
    let mine: Vec<_> = ids(&feeding.fed).into_iter().filter(|id| *id != others[0]).collect();
    let of_first = feeding.fed.iter().filter(|fed| fed.delivery.endpoint == endpoint.id).count();
    assert!((2..=3).contains(&of_first), "endpoints in turn");

    let feeding = subject.feed_within(&limits).await;
    assert_eq!((feeding.fed.len(), feeding.left), (0, Leftover::AwaitsRoom));
    subject.claim(&mine[..2]).await;
    assert_eq!(subject.feed_within(&limits).await.fed.len(), 2, "what is in flight takes no room");
}

/// It says whether something waits for room, and what another step could hand out.
pub async fn a_step_says_what_it_left(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    subject.schedule(&tenant, 5).await;
    for (total, per_endpoint, fed, left) in [
        (2, 10, 2, Leftover::AwaitsStep),
        (10, 3, 1, Leftover::AwaitsRoom),
        (10, 3, 0, Leftover::AwaitsRoom),
        (10, 10, 2, Leftover::Nothing),
        (10, 10, 0, Leftover::Nothing),
    ] {
        let feeding = subject
            .feed_within(&FeedLimits {
                total,
                per_endpoint,
                per_tenant: 100,
                ..FeedLimits::default()
            })
            .await;
        assert_eq!((feeding.fed.len(), feeding.left), (fed, left));
    }
}

/// Paused or deleted; its neighbour is.
pub async fn an_endpoint_that_is_off_is_not_fed(subject: &Subject) {
    let (tenant, paused) = subject.customer().await;
    let (deleted, on) = (subject.endpoint(&tenant).await, subject.endpoint(&tenant).await);
    let due = subject.schedule(&tenant, 1).await;
    assert_eq!(due.len(), 3);
    subject.switch(&tenant, &paused, false).await;
    subject.delete(&tenant, &deleted).await;
    let fed = subject.feed(10).await;
    let endpoints: Vec<_> = fed.iter().map(|fed| fed.delivery.endpoint).collect();
    assert_eq!(endpoints, [on.id]);
}

/// Two feeders would each hand out a whole cap: of many at once one works, or one after another.
pub async fn concurrent_feeders_hand_out_one_cap(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let due = subject.schedule(&tenant, 60).await;
    let limits =
        FeedLimits { total: 100, per_endpoint: 7, per_tenant: 10_000, ..FeedLimits::default() };
    let feeders = (0..8).map(|_| {
        let (store, limits) = (Arc::clone(&subject.store), limits.clone());
        tokio::spawn(async move { store.deliveries_feed(&limits).await })
    });
    let mut fed = Vec::new();
    for result in join_all(feeders).await {
        let feeding = result.expect("no panic").expect("an answer");
        fed.extend(feeding.iter().flat_map(|feeding| ids(&feeding.fed)));
    }
    assert_eq!(fed.len(), 7);
    for id in due {
        let expected = if fed.contains(&id) { Queued } else { Scheduled };
        assert_eq!(subject.state(id).await, expected);
    }
    let claimed = subject.claim(&fed).await;
    assert_eq!(claimed.claims.len(), 7);
    subject.assert_all(&fed, InFlight).await;
}

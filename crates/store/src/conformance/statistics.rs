//! Conformance: what is counted of what was sent to an endpoint. That the counts are those of the
//! deliveries and their log is looked at after every case of the suite.

use super::defer::deferral;
use super::fixtures::{EARLIER, dead, retry, success};
use super::{RawStatistics, Subject};
use crate::log::Replayed;
use crate::work::{ClaimedDelivery, Settled, Settlement};
use futures::future::join_all;
use postrider_common::delivery::DeadReason;
use postrider_common::endpoint::Endpoint;
use postrider_common::id::LeaseToken;
use std::sync::Arc;
use std::time::Duration;

const NOTHING: RawStatistics = RawStatistics { attempted: 0, dead: 0, last_attempt_at: None };

impl Subject {
    async fn counts(&self, endpoint: &Endpoint) -> (i64, i64) {
        let RawStatistics { attempted, dead, .. } = self.statistics(endpoint).await;
        (attempted, dead)
    }

    async fn statistics(&self, endpoint: &Endpoint) -> RawStatistics {
        self.hooks.raw_statistics(endpoint.id).await.expect("statistics")
    }

    /// Claims a delivery that waits for nothing else.
    async fn again(&self, claimed: &ClaimedDelivery) -> ClaimedDelivery {
        self.feed(10).await;
        self.claim_one(claimed.id).await
    }
}

/// From its first attempt that is on record on; the last attempt is the one that started last,
/// whichever is settled last.
pub async fn a_delivery_counts_once_however_often_it_is_attempted(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let first = subject.in_flight(&tenant).await;
    assert_eq!(subject.statistics(&endpoint).await, NOTHING);
    subject.settle(retry(&first, Duration::ZERO)).await;
    let expected = RawStatistics { attempted: 1, dead: 0, last_attempt_at: Some(EARLIER) };
    assert_eq!(subject.statistics(&endpoint).await, expected);

    let mut second = success(&subject.again(&first).await);
    second.record.started_at = EARLIER + Duration::from_mins(1);
    subject.settle(second).await;
    let expected =
        RawStatistics { last_attempt_at: Some(EARLIER + Duration::from_mins(1)), ..expected };
    assert_eq!(subject.statistics(&endpoint).await, expected);

    let other = subject.in_flight(&tenant).await;
    subject.settle(success(&other)).await;
    assert_eq!(subject.statistics(&endpoint).await, RawStatistics { attempted: 2, ..expected });
}

/// Nor is the attempt after it a first one.
pub async fn a_lost_attempt_counts_and_its_late_success_does_not_again(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let (late, again) = (subject.in_flight(&tenant).await, subject.in_flight(&tenant).await);
    subject.age(1_000).await;
    subject.reap().await;
    let reaped = subject.statistics(&endpoint).await;
    assert_eq!((reaped.attempted, reaped.dead), (2, 0));
    let claimed_at = subject.hooks.now().await.expect("the time") - Duration::from_secs(1_000);
    let off = reaped.last_attempt_at.expect("an attempt") - claimed_at;
    assert!(off.abs() < Duration::from_mins(1), "{off}");

    assert_eq!(subject.settle(success(&late)).await, Settled::AppliedLate);
    let again = subject.again(&again).await;
    subject.settle(success(&again)).await;
    assert_eq!(subject.statistics(&endpoint).await, reaped);
}

/// By a late success, or by a replay; a replay of what was delivered changes nothing.
pub async fn the_dead_are_counted_and_those_that_come_back_are_not(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let mut claimed = Vec::new();
    for _ in 0..3 {
        claimed.push(subject.in_flight(&tenant).await);
    }
    subject.settle(dead(&claimed[0], DeadReason::Exhausted)).await;
    subject.settle(dead(&claimed[1], DeadReason::Aborted)).await;
    subject.settle(success(&claimed[2])).await;
    assert_eq!(subject.counts(&endpoint).await, (3, 2));

    assert_eq!(subject.settle(success(&claimed[1])).await, Settled::AppliedLate);
    assert_eq!(subject.counts(&endpoint).await, (3, 1));
    for replayed in [&claimed[0], &claimed[2]] {
        let answer = subject.store.delivery_replay(&tenant, replayed.id).await;
        assert_eq!(answer.expect("an answer"), Replayed::Replayed);
        assert_eq!(subject.counts(&endpoint).await, (3, 0));
    }
    let answer = subject.store.delivery_replay(&tenant, claimed[0].id).await.expect("an answer");
    assert!(matches!(answer, Replayed::NotFinished(_)), "{answer:?}");
    let again = subject.again(&claimed[0]).await;
    subject.settle(dead(&again, DeadReason::Exhausted)).await;
    assert_eq!(subject.counts(&endpoint).await, (3, 1));
}

/// In one call, each its own.
pub async fn a_batch_counts_for_each_of_its_endpoints(subject: &Subject) {
    let (tenant, first) = subject.customer().await;
    let second = subject.endpoint(&tenant).await;
    let (other, third) = subject.customer().await;
    let mut queued = subject.queue(&tenant, 3).await;
    queued.extend(subject.queue(&other, 2).await);
    let mut batch: Vec<Settlement> = Vec::new();
    for id in queued {
        let claimed = subject.claim_one(id).await;
        batch.push(if claimed.endpoint == second.id {
            dead(&claimed, DeadReason::Exhausted)
        } else {
            success(&claimed)
        });
    }
    subject.store.deliveries_settle(&batch).await.expect("settled");
    assert_eq!(subject.counts(&first).await, (3, 0));
    assert_eq!(subject.counts(&second).await, (3, 3));
    assert_eq!(subject.counts(&third).await, (2, 0));
}

/// Settled twice, under a wrong token, given back.
pub async fn what_changes_nothing_counts_nothing(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let claimed = subject.in_flight(&tenant).await;
    let wrong = Settlement { token: LeaseToken::generate(), ..success(&claimed) };
    assert_eq!(subject.settle(wrong).await, Settled::Superseded);
    subject.store.deliveries_defer(&[deferral(&claimed, 0)]).await.expect("an answer");
    assert_eq!(subject.settle(success(&claimed)).await, Settled::Superseded);
    assert_eq!(subject.statistics(&endpoint).await, NOTHING);

    let claimed = subject.again(&claimed).await;
    let twice = [dead(&claimed, DeadReason::Exhausted), dead(&claimed, DeadReason::Exhausted)];
    subject.store.deliveries_settle(&twice).await.expect("settled");
    assert_eq!(subject.settle(dead(&claimed, DeadReason::Exhausted)).await, Settled::Superseded);
    assert_eq!(subject.counts(&endpoint).await, (1, 1));
}

/// Whatever becomes of them.
pub async fn tests_do_not_count(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let queued = subject.queue(&tenant, 2).await;
    for id in &queued {
        subject.hooks.make_test(*id).await.expect("it is a test");
    }
    let killed = subject.claim_one(queued[0]).await;
    subject.settle(dead(&killed, DeadReason::Exhausted)).await;
    subject.claim_one(queued[1]).await;
    subject.age(1_000).await;
    assert_eq!(subject.reap().await, [queued[1]]);
    subject.store.delivery_replay(&tenant, killed.id).await.expect("an answer");
    assert_eq!(subject.statistics(&endpoint).await, NOTHING);
}

/// Of the same endpoints, in opposite orders, while a reaper works too.
pub async fn batches_at_once_lose_no_count(subject: &Subject) {
    let tenant = subject.tenant().await;
    let mut endpoints = Vec::new();
    for _ in 0..4 {
        endpoints.push(subject.endpoint(&tenant).await);
    }
    let queued = subject.queue(&tenant, 60).await;
    let mut batches: Vec<Vec<Settlement>> = vec![Vec::new(); 12];
    for (index, id) in queued.iter().enumerate() {
        batches[index % 12].push(dead(&subject.claim_one(*id).await, DeadReason::Exhausted));
    }
    for batch in batches.iter_mut().step_by(2) {
        batch.reverse();
    }
    let lost = subject.queue(&tenant, 10).await;
    subject.claim(&lost).await;
    subject.age(1_000).await;
    let settlers = batches.into_iter().map(|batch| {
        let store = Arc::clone(&subject.store);
        tokio::spawn(async move { drop(store.deliveries_settle(&batch).await.expect("settled")) })
    });
    let reapers = (0..6).map(|_| {
        let store = Arc::clone(&subject.store);
        tokio::spawn(async move { drop(store.deliveries_reap(20).await.expect("reaped")) })
    });
    for done in join_all(settlers.chain(reapers).collect::<Vec<_>>()).await {
        done.expect("no panic");
    }
    subject.reap().await;
    for endpoint in &endpoints {
        assert_eq!(subject.statistics(endpoint).await.attempted, 70);
    }
}

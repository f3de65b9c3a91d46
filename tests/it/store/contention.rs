//! What somebody else holds locked: batches go round it.

use super::{CONNECTIONS, store_on};
use postrider_common::delivery::DeliveryState;
use postrider_common::id::DeliveryId;
use postrider_store::conformance::Subject;
use postrider_store::{Claim, FeedLimits};
use postrider_testkit::{TestDatabase, only_on};
use sqlx::{PgPool, Postgres, Transaction};
use std::sync::Arc;
use std::time::Duration;

async fn subject() -> (Subject, PgPool) {
    let database = TestDatabase::create().await;
    let pool = database.pool();
    (Subject::new(store_on(&database), database), pool)
}

async fn lock(pool: &PgPool, id: DeliveryId) -> Transaction<'static, Postgres> {
    let mut txn = pool.begin().await.expect("a transaction");
    sqlx::query("SELECT FROM deliveries WHERE id = $1 FOR UPDATE")
        .bind(id.as_uuid())
        .execute(&mut *txn)
        .await
        .expect("locked");
    txn
}

/// Dropping the transaction would leave the lock until the connection is back in its pool.
async fn unlock(locked: Transaction<'static, Postgres>) {
    locked.rollback().await.expect("rolled back");
}

#[tokio::test]
async fn a_claim_goes_round_a_locked_delivery() {
    only_on!(Distributed);
    let (subject, pool) = subject().await;
    let (tenant, _) = subject.customer().await;
    let ids = subject.queue(&tenant, 3).await;
    let locked = lock(&pool, ids[1]).await;
    let claimed = subject.claim(&ids).await;
    let kinds = claimed.claims.iter().map(|claim| matches!(claim, Claim::Claimed(_)));
    assert_eq!(kinds.collect::<Vec<_>>(), [true, false, true]);
    unlock(locked).await;
    subject.claim_one(ids[1]).await;
}

#[tokio::test]
async fn feeding_and_reaping_go_round_a_locked_delivery() {
    only_on!(Distributed);
    let (subject, pool) = subject().await;
    let (tenant, _) = subject.customer().await;
    let claimed = [subject.in_flight(&tenant).await, subject.in_flight(&tenant).await];
    subject.age(1_000).await;
    let locked = lock(&pool, claimed[0].id).await;
    let reaped = subject.store.deliveries_reap(10).await.expect("reaped");
    assert_eq!(reaped.len(), 1);
    assert_eq!(reaped[0].delivery, claimed[1].id);
    unlock(locked).await;
    assert_eq!(subject.store.deliveries_reap(10).await.expect("reaped").len(), 1);

    let locked = lock(&pool, claimed[1].id).await;
    assert_eq!(subject.feed(10).await.len(), 1);
    unlock(locked).await;
    assert_eq!(subject.feed(10).await[0].delivery.id, claimed[1].id);
}

#[tokio::test]
async fn a_second_feeder_leaves_the_work_to_the_first() {
    only_on!(Distributed);
    let (subject, pool) = subject().await;
    let (tenant, _) = subject.customer().await;
    let due = subject.schedule(&tenant, 1).await;
    let mut first = pool.begin().await.expect("a transaction");
    sqlx::query("SELECT pg_advisory_xact_lock(hashtext('postrider.feeder'))")
        .execute(&mut *first)
        .await
        .expect("locked");
    let limits =
        FeedLimits { total: 10, per_endpoint: 10, per_tenant: 10_000, ..FeedLimits::default() };
    assert_eq!(subject.store.deliveries_feed(&limits).await.expect("an answer"), None);
    subject.assert_all(&due, DeliveryState::Scheduled).await;
    first.rollback().await.expect("unlocked");
    assert_eq!(subject.feed(10).await.len(), 1);
}

/// More callers than connections wait for each other; none of them fails.
#[tokio::test]
async fn callers_share_the_connections() {
    only_on!(Distributed);
    let (subject, _) = subject().await;
    let (tenant, _) = subject.customer().await;
    let ids = subject.queue(&tenant, 10 * CONNECTIONS as usize).await;
    let calls = ids.into_iter().map(|id| {
        let store = Arc::clone(&subject.store);
        tokio::spawn(async move { store.deliveries_refuse(&[id], Duration::ZERO).await })
    });
    for refused in futures::future::join_all(calls).await {
        assert_eq!(refused.expect("no panic").expect("an answer"), 1);
    }
}

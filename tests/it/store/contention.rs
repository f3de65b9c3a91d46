//! What somebody else holds locked: batches go round it.

use super::{CONNECTIONS, store_on};
use postrider_common::delivery::DeliveryState;
use postrider_common::id::{DeliveryId, EndpointId};
use postrider_common::keeping::Days;
use postrider_common::ordering::{EndpointOrdering, OnFailure, OrderingKey};
use postrider_store::conformance::Subject;
use postrider_store::conformance::fixtures::{queued, success};
use postrider_store::{Claim, FeedLimits, NewEndpoint, NewEvent, Settled};
use postrider_testkit::{TestDatabase, only_on};
use sqlx::{PgPool, Postgres, Transaction};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{interval, timeout};

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

/// Whoever holds the next one of a key may wait for whoever settles the one before it. Nobody overtakes
/// the one that is held, and the follower lets it go on.
#[tokio::test]
async fn settling_does_not_wait_for_the_next_of_a_key() {
    only_on!(Distributed);
    let (subject, pool) = subject().await;
    let (tenant, _) = subject.ordered(OnFailure::GoOn).await;
    let all = subject.accept_keys(&tenant, &["a", "a", "a", "b", "b"]).await;
    let claimed = [subject.claim_one(all[0]).await, subject.claim_one(all[3]).await];
    let locked = lock(&pool, all[1]).await;
    let settled = subject.store.deliveries_settle(&claimed.each_ref().map(success)).await;
    assert_eq!(settled.expect("no waiting"), [Settled::Applied; 2]);
    subject.assert_all(&all[1..3], DeliveryState::Waiting).await;
    subject.assert_all(&all[4..], DeliveryState::Scheduled).await;
    assert_eq!(subject.follow().await, 0, "nor does the follower");
    unlock(locked).await;
    assert_eq!(subject.follow().await, 1);
    subject.assert_all(&all[1..2], DeliveryState::Scheduled).await;
    subject.assert_all(&all[2..3], DeliveryState::Waiting).await;
}

/// Whoever held it moves the key, if that takes it out of the line: the follower need not come.
#[tokio::test]
async fn cancelling_the_next_of_a_key_moves_the_key() {
    only_on!(Distributed);
    let (subject, pool) = subject().await;
    let (tenant, _) = subject.ordered(OnFailure::GoOn).await;
    let settle_round = async |head: DeliveryId, next: DeliveryId| {
        let claimed = subject.claim_one(head).await;
        let locked = lock(&pool, next).await;
        subject.settle(success(&claimed)).await;
        unlock(locked).await;
    };
    let all = subject.accept_keys(&tenant, &["a", "a", "a"]).await;
    settle_round(all[0], all[1]).await;
    subject.store.delivery_cancel(&tenant, all[1]).await.expect("cancelled");
    subject.assert_all(&all[2..], DeliveryState::Scheduled).await;

    let all = subject.accept_keys(&tenant, &["b", "b", "b"]).await;
    settle_round(all[0], all[1]).await;
    let event = subject.delivery(&tenant, all[1]).await.event.to_string();
    subject.store.event_expunge(&tenant, &event).await.expect("expunged");
    subject.assert_all(&all[2..], DeliveryState::Scheduled).await;
}

/// Polls until somebody waits for a lock.
async fn somebody_waits(pool: &PgPool) {
    let waiting = "SELECT EXISTS (SELECT FROM pg_stat_activity
                                  WHERE datname = current_database() AND wait_event_type = 'Lock')";
    let looking = async {
        let mut ticks = interval(Duration::from_millis(5));
        while !sqlx::query_scalar::<_, bool>(waiting).fetch_one(pool).await.expect("an answer") {
            ticks.tick().await;
        }
    };
    timeout(Duration::from_secs(30), looking).await.expect("somebody waits");
}

/// What is held and what waits for its turn behind it is given up in two steps, but counted in one: the
/// endpoints in their order, as by everybody who counts.
#[tokio::test]
async fn giving_up_what_is_held_counts_endpoints_in_their_order() {
    only_on!(Distributed);
    let (subject, pool) = subject().await;
    let tenant = subject.tenant().await;
    let mut ids = [EndpointId::generate(), EndpointId::generate()];
    ids.sort_unstable();
    let [first, last] = ids;
    let by_key = EndpointOrdering { by_key: true, on_failure: OnFailure::GoOn };
    for (id, ordering) in [(first, EndpointOrdering::default()), (last, by_key)] {
        let off =
            |new: &mut NewEndpoint| (new.id, new.ordering, new.active) = (id, ordering, false);
        subject.endpoint_with(&tenant, off).await;
    }
    // Of the last one a delivery waits for its turn, and of both some are held.
    for _ in 0..2 {
        let key = Some(OrderingKey::parse("a").expect("a key"));
        let old = subject.event_of(&tenant, 32).await;
        subject.accept_one(NewEvent { ordering_key: key, ..old }).await;
    }
    let day = "UPDATE deliveries SET created_at = created_at - interval '31 days',
                      next_attempt_at = next_attempt_at - interval '31 days'";
    sqlx::query(day).execute(&pool).await.expect("aged");
    let rows = "INSERT INTO endpoint_stats (endpoint_id, shard, attempted, dead)
                SELECT id, shard, 0, 0 FROM unnest($1::uuid[]) AS given (id), generate_series(0, 7) AS shard";
    let both = ids.map(|id| id.as_uuid());
    sqlx::query(rows).bind(both.as_slice()).execute(&pool).await.expect("rows");

    let mut counting = pool.begin().await.expect("a transaction");
    let lock = "SELECT FROM endpoint_stats WHERE endpoint_id = $1 FOR UPDATE NOWAIT";
    let locked = sqlx::query(lock).bind(first.as_uuid()).execute(&mut *counting).await;
    locked.expect("the first");
    let store = Arc::clone(&subject.store);
    let expiring = tokio::spawn(async move { store.held_expire(100).await });
    somebody_waits(&pool).await;
    let locked = sqlx::query(lock).bind(last.as_uuid()).execute(&mut *counting).await;
    locked.expect("the last, which nobody has taken before the first");
    unlock(counting).await;
    assert_eq!(expiring.await.expect("no panic").expect("given up"), 4);
}

/// Whatever the order of their endpoints is, by which they are found.
#[tokio::test]
async fn what_is_too_old_is_locked_in_the_order_of_ids() {
    only_on!(Distributed);
    let (subject, pool) = subject().await;
    let (tenant, one) = subject.customer().await;
    let other = subject.endpoint(&tenant).await;
    let last = if one.id > other.id { one } else { other };
    // Of half of all events the first delivery is the last endpoint's.
    let ids = loop {
        let event = subject.event_of(&tenant, 32).await;
        let mut ids: [DeliveryId; 2] =
            queued(&subject.accept_one(event).await).try_into().expect("two deliveries");
        ids.sort_unstable();
        if subject.delivery(&tenant, ids[0]).await.endpoint == last.public_id {
            break ids;
        }
    };
    // The first step makes the tenant known.
    subject.store.expired_remove(Days::USUAL).await.expect("an answer");
    let mut settling = lock(&pool, ids[0]).await;
    let store = Arc::clone(&subject.store);
    let removing = tokio::spawn(async move { store.expired_remove(Days::USUAL).await });
    somebody_waits(&pool).await;
    let lock = "SELECT FROM deliveries WHERE id = $1 FOR UPDATE NOWAIT";
    let locked = sqlx::query(lock).bind(ids[1].as_uuid()).execute(&mut *settling).await;
    locked.expect("the last, which nobody has taken before the first");
    unlock(settling).await;
    removing.await.expect("no panic").expect("an answer");
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

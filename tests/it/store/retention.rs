//! Partitions that are too old are removed as a whole, when nothing in them is owed and nobody reads
//! them, while traffic runs. What holds on either engine is in the conformance suite.

use super::store_on;
use futures::future::join_all;
use postrider_common::id::DeliveryId;
use postrider_common::keeping::Days;
use postrider_common::tenant::TenantScope;
use postrider_store::conformance::Subject;
use postrider_store::conformance::fixtures::{queued, success};
use postrider_store::{PartitionRemoval, SharedStore, TenantPatch};
use postrider_testkit::{TestDatabase, only_on};
use sqlx::PgPool;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

struct Scene {
    subject: Subject,
    pool: PgPool,
    tenant: TenantScope,
}

impl Scene {
    async fn start() -> Self {
        let database = TestDatabase::create().await;
        let pool = database.pool();
        let subject = Subject::new(store_on(&database), database);
        let (tenant, _) = subject.customer().await;
        Self { subject, pool, tenant }
    }

    /// An event that was accepted so many days ago, and its delivery, which is queued.
    async fn accept(&self, days: u32) -> DeliveryId {
        let event = self.subject.event_of(&self.tenant, days).await;
        queued(&self.subject.accept_one(event).await).remove(0)
    }

    async fn finish(&self, delivery: DeliveryId) {
        self.subject.settle(success(&self.subject.claim_one(delivery).await)).await;
    }

    /// An event that was accepted and delivered so many days ago.
    async fn deliver(&self, days: u32) {
        let delivery = self.accept(days).await;
        self.finish(delivery).await;
    }

    async fn remove(&self) -> PartitionRemoval {
        remove(&self.subject.store).await
    }

    /// How many tables there are for days before the last so many.
    async fn tables_before(&self, days: i32) -> usize {
        let names = sqlx::query_scalar::<_, String>(
            "SELECT relname::text FROM pg_class
             WHERE relkind = 'r' AND relname ~ '^(events|deliveries|attempts)_[0-9]{8}$'
               AND to_date(right(relname, 8), 'YYYYMMDD') < (now() AT TIME ZONE 'UTC')::date - $1",
        );
        names.bind(days).fetch_all(&self.pool).await.expect("names").len()
    }
}

async fn remove(store: &SharedStore) -> PartitionRemoval {
    store.partitions_remove(Days::USUAL).await.expect("an answer")
}

fn is_removed(removal: PartitionRemoval) -> bool {
    matches!(removal, PartitionRemoval::Removed(_))
}

/// The day that began 30 days ago is not over for as long.
#[tokio::test]
async fn old_partitions_are_removed_oldest_first() {
    only_on!(Distributed);
    let scene = Scene::start().await;
    for days in [31, 40, 30, 3] {
        scene.deliver(days).await;
    }
    assert_eq!(scene.tables_before(30).await, 6);
    let days = [scene.remove().await, scene.remove().await];
    let [PartitionRemoval::Removed(first), PartitionRemoval::Removed(second)] = days else {
        panic!("not removed: {days:?}")
    };
    assert_eq!(second - first, time::Duration::days(9));
    assert_eq!(scene.remove().await, PartitionRemoval::Nothing);
    assert_eq!(scene.tables_before(30).await, 0);
    assert_eq!(scene.subject.deliveries(&scene.tenant).await.len(), 2);
}

#[tokio::test]
async fn a_partition_stays_while_anything_in_it_is_owed() {
    only_on!(Distributed);
    let scene = Scene::start().await;
    let owed = scene.accept(40).await;
    scene.deliver(40).await;
    scene.deliver(35).await;
    assert!(is_removed(scene.remove().await), "the other day goes");
    assert_eq!(scene.remove().await, PartitionRemoval::Nothing);
    assert_eq!(scene.tables_before(30).await, 3);
    scene.finish(owed).await;
    assert!(is_removed(scene.remove().await));
    assert_eq!(scene.tables_before(30).await, 0);
}

/// What lies beside something that is owed is deleted meanwhile.
#[tokio::test]
async fn what_is_beside_something_owed_is_deleted() {
    only_on!(Distributed);
    let scene = Scene::start().await;
    let owed = scene.accept(40).await;
    scene.deliver(40).await;
    assert_eq!(scene.remove().await, PartitionRemoval::Nothing);
    let removed = scene.subject.retain().await;
    assert_eq!((removed.events, removed.deliveries, removed.attempts), (1, 1, 1));
    let left = scene.subject.deliveries(&scene.tenant).await;
    assert_eq!(left.iter().map(|delivery| delivery.id).collect::<Vec<_>>(), [owed]);
}

#[tokio::test]
async fn the_longest_retention_in_force_counts() {
    only_on!(Distributed);
    let scene = Scene::start().await;
    scene.deliver(40).await;
    let keep = async |days: u32| {
        let retention = Some(Some(Days::new(days).expect("days")));
        let patch = TenantPatch { retention, ..TenantPatch::default() };
        let tenant = scene.tenant.tenant();
        scene.subject.store.tenant_update(tenant, patch).await.expect("changed");
    };
    keep(40).await;
    assert_eq!(scene.remove().await, PartitionRemoval::Nothing);
    keep(39).await;
    assert!(is_removed(scene.remove().await));
    scene.deliver(20).await;
    keep(10).await;
    assert!(is_removed(scene.remove().await), "also when it is shorter than the usual one");
}

/// Whoever accepts waits for no longer than the removal does.
#[tokio::test]
async fn a_table_that_is_read_is_left_alone() {
    only_on!(Distributed);
    let scene = Scene::start().await;
    scene.deliver(40).await;
    let mut reading = scene.pool.begin().await.expect("a transaction");
    let read = sqlx::query("SELECT count(*) FROM attempts").execute(&mut *reading);
    read.await.expect("read");
    assert_eq!(scene.remove().await, PartitionRemoval::Busy);
    assert_eq!(scene.tables_before(30).await, 3, "all or nothing");
    scene.deliver(0).await;
    reading.rollback().await.expect("rolled back");
    assert!(is_removed(scene.remove().await));
}

/// No call fails, whatever is removed under it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partitions_are_removed_while_traffic_runs() {
    only_on!(Distributed);
    let scene = Arc::new(Scene::start().await);
    for days in 31..46 {
        scene.deliver(days).await;
    }
    let is_over = Arc::new(AtomicBool::new(false));
    let traffic = (0..3).map(|_| {
        let (scene, is_over) = (Arc::clone(&scene), Arc::clone(&is_over));
        tokio::spawn(async move {
            let mut delivered = 0;
            while delivered == 0 || !is_over.load(Ordering::Relaxed) {
                scene.deliver(0).await;
                scene.subject.deliveries(&scene.tenant).await;
                delivered += 1;
            }
            delivered
        })
    });
    let traffic: Vec<_> = traffic.collect();
    let removers = (0..2).map(|_| {
        let store = Arc::clone(&scene.subject.store);
        tokio::spawn(async move {
            let mut days = 0;
            loop {
                match remove(&store).await {
                    PartitionRemoval::Removed(_) => days += 1,
                    PartitionRemoval::Busy => tokio::task::yield_now().await,
                    PartitionRemoval::Nothing => return days,
                }
            }
        })
    });
    let days: i32 = join_all(removers).await.into_iter().map(|days| days.expect("no panic")).sum();
    assert_eq!(days, 15);
    is_over.store(true, Ordering::Relaxed);
    for delivered in join_all(traffic).await {
        assert!(delivered.expect("no panic") > 0);
    }
    assert_eq!(scene.tables_before(30).await, 0);
}

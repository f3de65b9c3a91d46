//! Partitions: there ahead of time, made when they are missing, in nobody's way.

use super::store_on;
use futures::future::join_all;
use postrider_store::conformance::Subject;
use postrider_store::conformance::fixtures::queued;
use postrider_store::{PageRequest, Selection, Upkeep as _};
use postrider_testkit::{TestDatabase, only_on};
use sqlx::{AssertSqlSafe, PgPool};
use std::time::Duration;

const PARENTS: [&str; 3] = ["events", "deliveries", "attempts"];

async fn partitions_of(pool: &PgPool, parent: &str) -> Vec<String> {
    let names = sqlx::query_scalar(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = $1::regclass ORDER BY 1",
    );
    names.bind(parent).fetch_all(pool).await.expect("partitions")
}

/// The names for the day before, today, and the week after.
async fn expected_of(pool: &PgPool, parent: &str) -> Vec<String> {
    let names = sqlx::query_scalar(
        "SELECT $1 || to_char((now() AT TIME ZONE 'UTC')::date + n, '_YYYYMMDD')
         FROM generate_series(-1, 7) AS n ORDER BY 1",
    );
    names.bind(parent).fetch_all(pool).await.expect("names")
}

/// Removes today's partition.
async fn remove_today(pool: &PgPool, parent: &str) {
    let today = expected_of(pool, parent).await.remove(1);
    let sql = format!("DROP TABLE {today}");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(pool).await.expect("dropped");
}

#[tokio::test]
async fn there_are_partitions_for_a_week() {
    only_on!(Distributed);
    let database = TestDatabase::create().await;
    let pool = database.pool();
    for parent in PARENTS {
        let expected = expected_of(&pool, parent).await;
        assert_eq!(partitions_of(&pool, parent).await, expected);
        remove_today(&pool, parent).await;
        assert_ne!(partitions_of(&pool, parent).await, expected);
        store_on(&database).partitions_ensure().await.expect("made");
        assert_eq!(partitions_of(&pool, parent).await, expected);
    }
}

#[tokio::test]
async fn many_at_once_make_each_partition_once() {
    only_on!(Distributed);
    let database = TestDatabase::create().await;
    let pool = database.pool();
    for parent in PARENTS {
        remove_today(&pool, parent).await;
    }
    let stores: Vec<_> = (0..4).map(|_| store_on(&database)).collect();
    for made in join_all(stores.iter().map(|store| store.partitions_ensure())).await {
        made.expect("made");
    }
    for parent in PARENTS {
        assert_eq!(partitions_of(&pool, parent).await, expected_of(&pool, parent).await);
    }
}

#[tokio::test]
async fn accepting_makes_a_partition_that_is_missing() {
    only_on!(Distributed);
    let database = TestDatabase::create().await;
    let pool = database.pool();
    let subject = Subject::new(store_on(&database), database);
    let (tenant, _) = subject.customer().await;
    for parent in ["events", "deliveries"] {
        remove_today(&pool, parent).await;
        assert_eq!(subject.queue(&tenant, 2).await.len(), 2);
        assert_eq!(partitions_of(&pool, parent).await, expected_of(&pool, parent).await);
    }
}

/// Each has the indexes and the rules of its parent, and the one that only partitions have.
#[tokio::test]
async fn a_partition_made_later_is_like_those_made_first() {
    only_on!(Distributed);
    let database = TestDatabase::create().await;
    let pool = database.pool();
    let indexes = async |day: &str| {
        let definitions = sqlx::query_scalar::<_, String>(
            "SELECT replace(pg_get_indexdef(indexrelid), $1, 'DAY') FROM pg_index
             WHERE indrelid = ('deliveries_' || $1)::regclass ORDER BY 1",
        );
        definitions.bind(day).fetch_all(&pool).await.expect("indexes")
    };
    sqlx::query("SELECT partitions_ensure('2031-02-03', 1)").execute(&pool).await.expect("made");
    let today = expected_of(&pool, "deliveries").await.remove(1);
    let today = today.rsplit('_').next().expect("a day");
    let made_first = indexes(today).await;
    assert!(made_first.iter().any(|index| index.contains("_one_per_copy")));
    assert_eq!(indexes("20310203").await, made_first);
}

/// What was accepted on other days is not even opened: their partitions may be locked by whoever removes them.
#[tokio::test]
async fn dead_letters_of_some_days_are_looked_for_on_these_alone() {
    only_on!(Distributed);
    let database = TestDatabase::create().await;
    let pool = database.pool();
    let subject = Subject::new(store_on(&database), database);
    let (tenant, _) = subject.customer().await;
    let now = subject.hooks.now().await.expect("the time");
    let then = now - Duration::from_hours(5 * 24);
    let mut letters = Vec::new();
    for days in [0, 10] {
        let event = subject.event_of(&tenant, days).await;
        let id = queued(&subject.accept_one(event).await).remove(0);
        subject.store.delivery_cancel(&tenant, id).await.expect("dead");
        letters.push((id, now - Duration::from_hours(24) * days));
    }
    // When they were accepted, by the database's clock.
    let age = "UPDATE events SET accepted_at = accepted_at - interval '10 days'
               WHERE id < uuid_floor((now() AT TIME ZONE 'UTC')::date - 5)";
    sqlx::query(age).execute(&pool).await.expect("aged");
    let since = Selection { since: Some(then), ..Selection::default() };
    let until = Selection { until: Some(then), ..Selection::default() };
    for (selection, meant, other) in [(since, 0, 1), (until, 1, 0)] {
        let day = letters[other].1.date();
        let day = format!("{}{:02}{:02}", day.year(), u8::from(day.month()), day.day());
        let mut removing = pool.begin().await.expect("a transaction");
        let lock = format!("LOCK TABLE deliveries_{day} IN ACCESS EXCLUSIVE MODE");
        sqlx::raw_sql(AssertSqlSafe(lock)).execute(&mut *removing).await.expect("locked");
        let page = PageRequest { limit: 10, after: None };
        let listed = subject.store.dead_letter_list(&tenant, &selection, page).await;
        let listed: Vec<_> = listed.expect("no waiting").rows.iter().map(|one| one.id).collect();
        assert_eq!(listed, [letters[meant].0]);
        removing.rollback().await.expect("unlocked");
    }
}

//! Partitions: there ahead of time, made when they are missing, in nobody's way.

use super::store_on;
use futures::future::join_all;
use postrider_store::Upkeep as _;
use postrider_store::conformance::Subject;
use postrider_testkit::{TestDatabase, only_on};
use sqlx::{AssertSqlSafe, PgPool};

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

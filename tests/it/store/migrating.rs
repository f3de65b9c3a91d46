//! Migrating: once, however often and however concurrently it is asked for.

use super::store_on;
use futures::future::join_all;
use postrider_store::Upkeep as _;
use postrider_testkit::{TestDatabase, only_on};

/// A database without any table.
async fn empty() -> TestDatabase {
    let database = TestDatabase::create().await;
    let recreate = "DROP SCHEMA public CASCADE; CREATE SCHEMA public";
    sqlx::raw_sql(recreate).execute(&database.pool()).await.expect("an empty schema");
    database
}

#[tokio::test]
async fn a_second_migration_has_nothing_to_do() {
    only_on!(Distributed);
    let database = empty().await;
    let store = store_on(&database);
    let first = store.migrate().await.expect("migrated");
    assert_eq!(first.applied.first().map(String::as_str), Some("0001_init"));
    assert!(store.migrate().await.expect("an answer").applied.is_empty());
    store.ping().await.expect("the schema is known");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_migrations_at_once_one_does_the_work() {
    only_on!(Distributed);
    let database = empty().await;
    let tasks = (0..6).map(|_| {
        let store = store_on(&database);
        tokio::spawn(async move { store.migrate().await })
    });
    let results = join_all(tasks).await;
    let applied = results.into_iter().map(|done| done.expect("no panic").expect("an answer"));
    let worked = applied.filter(|migrated| !migrated.applied.is_empty()).count();
    assert_eq!(worked, 1);
    store_on(&database).ping().await.expect("the schema is known");
}

/// Services that run beside a newer schema go on.
#[tokio::test]
async fn a_newer_schema_is_ready() {
    only_on!(Distributed);
    let database = TestDatabase::create().await;
    let newer = "INSERT INTO _sqlx_migrations
                     (version, description, success, checksum, execution_time)
                 VALUES (999999, 'of a later release', true, '', 0)";
    sqlx::query(newer).execute(&database.pool()).await.expect("noted");
    store_on(&database).ping().await.expect("it has what we know");
}

//! Migrating: once, however often and however concurrently it is asked for.

use super::{folder, pool, store, store_in};
use futures::future::join_all;
use postrider_store::Upkeep as _;

#[tokio::test]
async fn a_second_migration_has_nothing_to_do() {
    let folder = folder();
    let store = store_in(&folder);
    let first = store.migrate().await.expect("migrated");
    assert_eq!(first.applied.first().map(String::as_str), Some("0001_init"));
    assert!(store.migrate().await.expect("an answer").applied.is_empty());
    store.ping().await.expect("the schema is known");
    store.partitions_ensure().await.expect("there is nothing to make");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_migrations_at_once_one_does_the_work() {
    let folder = folder();
    let tasks = (0..6).map(|_| {
        let store = store_in(&folder);
        tokio::spawn(async move { store.migrate().await })
    });
    let results = join_all(tasks).await;
    let applied = results.into_iter().map(|done| done.expect("no panic").expect("an answer"));
    let worked = applied.filter(|migrated| !migrated.applied.is_empty()).count();
    assert_eq!(worked, 1);
    store_in(&folder).ping().await.expect("the schema is known");
}

/// What was migrated has a write-ahead log, so that readers do not wait for the writer.
#[tokio::test]
async fn a_migrated_file_has_a_write_ahead_log() {
    let (_, folder) = store().await;
    let mode = sqlx::query_scalar::<_, String>("PRAGMA journal_mode");
    assert_eq!(mode.fetch_one(&pool(&folder)).await.expect("a mode"), "wal");
}

#[tokio::test]
async fn a_newer_schema_is_ready() {
    let (store, folder) = store().await;
    let newer = "INSERT INTO _sqlx_migrations
                     (version, description, success, checksum, execution_time)
                 VALUES (999999, 'of a later release', true, x'', 0)";
    sqlx::query(newer).execute(&pool(&folder)).await.expect("noted");
    store.ping().await.expect("it has what we know");
}

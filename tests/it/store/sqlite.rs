//! The store on SQLite: the conformance suite, and what only this adapter has.
//!
//! A case of the suite has a file of its own, like every test beside it.

mod availability;
mod bytes;
mod checks;
mod migrating;
mod plans;
mod turns;

use postrider_store::conformance::Subject;
use postrider_store::{SqliteStore, Upkeep as _, store_conformance};
use sqlx::SqlitePool;
use sqlx::sqlite::SqliteConnectOptions;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// Connections of a test's store.
const CONNECTIONS: u32 = 8;

store_conformance!(fresh);

async fn fresh() -> Option<Subject> {
    Some(subject().await)
}

async fn subject() -> Subject {
    let (store, folder) = store().await;
    Subject::new(store, folder)
}

/// A migrated store, in a folder that lasts as long as its handle.
async fn store() -> (Arc<SqliteStore>, TempDir) {
    let folder = folder();
    let store = store_in(&folder);
    store.migrate().await.expect("migrated");
    (store, folder)
}

fn folder() -> TempDir {
    TempDir::new().expect("a folder")
}

fn file_in(folder: &TempDir) -> PathBuf {
    Path::join(folder.path(), "postrider.db")
}

fn store_in(folder: &TempDir) -> Arc<SqliteStore> {
    Arc::new(SqliteStore::open(&file_in(folder), CONNECTIONS))
}

/// Other connections to the same file, as another process would have them.
fn pool(folder: &TempDir) -> SqlitePool {
    SqlitePool::connect_lazy_with(SqliteConnectOptions::new().filename(file_in(folder)))
}

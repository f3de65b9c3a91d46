//! The store on PostgreSQL: the conformance suite, and what only this adapter has. SQLite's is in
//! `sqlite`.
//!
//! A case of the suite has a database of its own, like every test beside it.

mod availability;
mod checks;
mod contention;
mod migrating;
mod partitions;
mod plans;
mod retention;
mod sqlite;
mod url;

use postrider_store::conformance::Subject;
use postrider_store::{PgStore, store_conformance};
use postrider_testkit::{Pair, TestDatabase};
use std::sync::Arc;

/// Connections of a test's store.
const CONNECTIONS: u32 = 8;

store_conformance!(fresh);

async fn fresh() -> Option<Subject> {
    if !Pair::Distributed.is_tested_now() {
        return None;
    }
    let database = TestDatabase::create().await;
    Some(Subject::new(store_on(&database), database))
}

fn store_on(database: &TestDatabase) -> Arc<PgStore> {
    Arc::new(PgStore::connect(&database.url(), CONNECTIONS).expect("a store"))
}

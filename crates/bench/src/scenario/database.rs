//! A database that scenarios fill from within, by statements that make the rows themselves, and whose calls
//! are the store's own. No services run on it; whoever started the bench removes the data.

mod postgres;
mod sqlite;

pub(super) use postgres::Postgres;
pub(super) use sqlite::Sqlite;

use crate::error::BenchError;
use postrider_store::{SharedStore, StoreError};
use std::ops::Range;

/// Of these many tenants, in turn.
pub(super) const TENANTS: u32 = 20;
pub(super) const ENDPOINTS: u32 = 1000;
/// What one step of the feeder hands out and one claim takes.
pub(super) const BATCH: u32 = 256;
/// What an endpoint may have in flight by default.
pub(super) const CAP: u32 = 64;

/// A database that is filled from within.
pub(super) trait Database {
    /// The store on it, migrated.
    async fn open(&self) -> Result<SharedStore, BenchError>;
    /// Adds the tenants and their endpoints.
    async fn add_endpoints(&self) -> Result<(), BenchError>;
    /// Adds due deliveries with their events: the n-th ones of each of these endpoints, spread over the
    /// last day. No pair of the two may come twice.
    async fn add_due(&self, endpoints: Range<u32>, nth: Range<u32>) -> Result<(), BenchError>;
    /// Adds finished deliveries with their events on the day so many days ago, which has none yet.
    async fn add_old(&self, days_ago: u32, rows: u32) -> Result<(), BenchError>;
    /// Adds an attempt of each finished delivery, which none has yet.
    async fn add_attempts(&self) -> Result<(), BenchError>;
    /// Does what the engine does by itself before long after so many writes.
    async fn calm_down(&self) -> Result<(), BenchError>;
    /// The plan of feeding what is due, for people.
    async fn feed_plan(&self) -> Result<String, BenchError>;
    /// The plans of claiming these.
    async fn claim_plans(&self, queued: &[String]) -> Result<String, BenchError>;
}

/// A call of the store that failed.
pub(super) fn store_error(error: StoreError) -> BenchError {
    BenchError::Database("a call of the store", Box::new(error))
}

//! The SQLite adapter, for one process on one machine. One file per verb, named as PostgreSQL's;
//! this one holds the connections.
//!
//! *Theory of operation.* One connection writes, in transactions that begin IMMEDIATE: they come one
//! after the other, so that what a transaction has read still holds when it writes, and nothing needs
//! to be locked. The others only read, each from the last commit. A batch is one parameter, a JSON
//! array, which `json_each` makes rows of. Statements are planned without statistics (nobody runs
//! ANALYZE), so that a plan never depends on how much there is in a table.

mod accept;
mod backlog;
mod backlogged;
mod batch;
mod breaker;
mod claim;
mod clock;
mod contracts;
mod dead_letters;
mod defer;
mod endpoints;
mod error;
mod feed;
mod follow;
mod log;
mod lookup;
mod lost;
mod migrations;
mod operations;
mod ordering;
mod probe;
mod rate;
mod reap;
mod release;
mod replays;
mod resume;
mod retention;
mod settle;
mod statement;
mod statistics;
mod switch;
mod take_over;
mod tenants;
mod upkeep;
mod waiting;
mod work;
mod writer;

#[cfg(feature = "conformance")]
mod hooks;

use crate::accept::matching::MatchingCache;
use crate::circle::Circle;
use crate::follow::Circles;
use crate::ordering::Position;
use clock::Clock;
use postrider_common::tenant::TenantId;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use writer::Writer;

/// How long a caller waits for a connection, or for another process to let go of the database,
/// before it counts as away.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// What the write-ahead log is cut back to, in bytes, once it has been longer.
const LOG_SIZE_LIMIT: &str = "67108864";

/// A store on SQLite, in one file that no other process writes to.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    writer: Writer,
    readers: SqlitePool,
    clock: Arc<Clock>,
    matching: MatchingCache,
    /// How far the follower has looked through the ordering keys.
    ordering: Arc<Mutex<Position>>,
    /// How far the feeder is.
    feeding: Arc<Circle>,
    /// How far the follower is with endpoints.
    following: Arc<Circles>,
    /// Whom operational events go to.
    operator: Option<TenantId>,
    /// For a connection that migrates.
    options: SqliteConnectOptions,
}

impl SqliteStore {
    /// Prepares the connections, of which one writes; nothing is opened yet. The file is made by
    /// migrating, and by nothing else.
    pub fn open(path: &Path, connections: u32) -> Self {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .busy_timeout(ACQUIRE_TIMEOUT)
            .foreign_keys(true);
        let writing = options
            .clone()
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("journal_size_limit", LOG_SIZE_LIMIT);
        let pool = |size: u32| {
            SqlitePoolOptions::new()
                .max_connections(size.max(1))
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .idle_timeout(None)
                .max_lifetime(None)
        };
        let clock = Arc::new(Clock::default());
        Self {
            writer: Writer::new(pool(1).connect_lazy_with(writing.clone()), Arc::clone(&clock)),
            readers: pool(connections.saturating_sub(1)).connect_lazy_with(options.read_only(true)),
            clock,
            matching: MatchingCache::default(),
            ordering: Arc::default(),
            feeding: Arc::default(),
            following: Arc::default(),
            operator: None,
            options: writing.create_if_missing(true),
        }
    }
}

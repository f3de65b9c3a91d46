//! The one connection that writes.
//!
//! It is a pool of one: its queue is what makes writers take turns, and whatever becomes of a writer
//! (a caller that goes away in the middle, a connection that dies), the next one finds a connection
//! without a transaction or is told that there is none.

use super::clock::{Clock, Micros};
use super::error::StoreResultExt as _;
use crate::error::StoreError;
use sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction};
use std::sync::Arc;

/// Who may write.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    pool: SqlitePool,
    clock: Arc<Clock>,
}

impl Writer {
    /// Takes a pool of one connection.
    pub(super) fn new(pool: SqlitePool, clock: Arc<Clock>) -> Self {
        Self { pool, clock }
    }

    /// The pool, for whoever counts its connections.
    pub(super) fn pool(&self) -> &SqlitePool {
        &self.pool
    }

    /// Begins to write, once those who asked before are done.
    pub(super) async fn begin(&self) -> Result<WriteTxn, StoreError> {
        // A deferred transaction that reads first fails at once when it turns to writing while
        // another process writes, however long it is allowed to wait.
        let mut inner = self.pool.begin_with("BEGIN IMMEDIATE").await.or_store_error()?;
        let now = self.clock.now(&mut inner).await?;
        Ok(WriteTxn { inner, now })
    }
}

/// A transaction that is alone in writing; dropping it undoes it.
#[derive(Debug)]
pub(super) struct WriteTxn {
    inner: Transaction<'static, Sqlite>,
    now: Micros,
}

impl WriteTxn {
    /// The time of everything in it, later than that of the transactions before.
    pub(super) fn now(&self) -> Micros {
        self.now
    }

    /// Where its statements run.
    pub(super) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.inner
    }

    /// Makes it last: it is on the disk when this returns.
    pub(super) async fn commit(self) -> Result<(), StoreError> {
        self.inner.commit().await.or_store_error()
    }
}

//! Keeping a database in order: its schema, its partitions, whether it answers.

use crate::error::StoreError;
use async_trait::async_trait;

/// What migrating did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// The migrations that were applied now, by name; empty when there was nothing to do.
    pub applied: Vec<String>,
}

/// How many connections of a kind there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolUse {
    /// What the connections are for, in the adapter's words.
    pub name: &'static str,
    /// Connections that are open.
    pub open: u32,
    /// Those of them that nobody uses.
    pub idle: u32,
    /// Connections that may be open.
    pub limit: u32,
}

/// Keeping a database in order.
#[async_trait]
pub trait Upkeep: Send + Sync {
    /// Applies the migrations that are missing. Safe to run twice and at the same time.
    async fn migrate(&self) -> Result<Migrated, StoreError>;

    /// Makes the partitions that the coming days need.
    async fn partitions_ensure(&self) -> Result<(), StoreError>;

    /// Whether the database answers, within a short time, and has the schema that we know.
    async fn ping(&self) -> Result<(), StoreError>;

    /// How many connections there are. Asks nobody.
    fn pools(&self) -> Vec<PoolUse>;
}

//! Schema, and whether the database answers.

use super::error::{StoreResultExt as _, classify, is_busy};
use super::{ACQUIRE_TIMEOUT, SqliteStore, migrations};
use crate::error::StoreError;
use crate::upkeep::{Migrated, PoolUse, Upkeep};
use async_trait::async_trait;
use sqlx::migrate::{Migrate as _, MigrateError};
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection, SqlitePool};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// Where the driver keeps what was applied.
const TABLE: &str = "_sqlx_migrations";
/// What a ping says of a database that lacks our newest migration.
const NOT_MIGRATED: StoreError = StoreError::Unreadable { what: "schema: run postrider migrate" };
/// How long a ping may take before the database counts as away.
const PING_TIMEOUT: Duration = Duration::from_secs(2);
/// How long somebody who makes the same file at the same time is left alone.
const BUSY_PAUSE: Duration = Duration::from_millis(20);

#[async_trait]
impl Upkeep for SqliteStore {
    async fn migrate(&self) -> Result<Migrated, StoreError> {
        let connecting = tokio::time::timeout(ACQUIRE_TIMEOUT, self.connect_to_migrate());
        let mut connection = match connecting.await {
            Ok(connection) => connection.or_store_error()?,
            Err(elapsed) => return Err(StoreError::Unavailable(Arc::new(elapsed))),
        };
        let applied = migrate(&mut connection).await.map_err(migrate_error)?;
        // What was applied is committed.
        let _ = connection.close().await;
        Ok(Migrated { applied })
    }

    /// There are no partitions: a day is removed by deleting its rows.
    async fn partitions_ensure(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn ping(&self) -> Result<(), StoreError> {
        match tokio::time::timeout(PING_TIMEOUT, has_schema(&self.readers)).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err(NOT_MIGRATED),
            Ok(Err(error)) => Err(classify(error)),
            Err(elapsed) => Err(StoreError::Unavailable(Arc::new(elapsed))),
        }
    }

    fn pools(&self) -> Vec<PoolUse> {
        vec![pool_use("writer", self.writer.pool()), pool_use("readers", &self.readers)]
    }
}

fn pool_use(name: &'static str, pool: &SqlitePool) -> PoolUse {
    let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
    let open = pool.size().max(idle);
    PoolUse { name, open, idle, limit: pool.options().get_max_connections() }
}

impl SqliteStore {
    /// A connection of its own, which makes the file if there is none. That the file is to have a
    /// write-ahead log is written without waiting for others who write the same.
    async fn connect_to_migrate(&self) -> Result<SqliteConnection, sqlx::Error> {
        loop {
            match self.options.connect().await {
                Err(error) if is_busy(&error) => sleep(BUSY_PAUSE).await,
                connection => return connection,
            }
        }
    }
}

/// Applies what is missing and gives its names, all or nothing, while nobody else writes.
async fn migrate(connection: &mut SqliteConnection) -> Result<Vec<String>, MigrateError> {
    let mut txn = connection.begin_with("BEGIN IMMEDIATE").await?;
    txn.ensure_migrations_table(TABLE).await?;
    let before = txn.list_applied_migrations(TABLE).await?;
    let before: HashSet<i64> = before.iter().map(|applied| applied.version).collect();

    let migrator = migrations::migrator();
    migrator.run_direct(None, &mut *txn, false).await?;
    txn.commit().await?;
    Ok(migrator
        .iter()
        .filter(|migration| !before.contains(&migration.version))
        .map(|migration| format!("{:04}_{}", migration.version, migration.description))
        .collect())
}

async fn has_schema(readers: &SqlitePool) -> Result<bool, sqlx::Error> {
    let table = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?1)";
    if !sqlx::query_scalar(table).bind(TABLE).fetch_one(readers).await? {
        return Ok(false);
    }
    sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM _sqlx_migrations WHERE version = ?1 AND success)",
    )
    .bind(migrations::newest_version())
    .fetch_one(readers)
    .await
}

fn migrate_error(error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => classify(error),
        other => StoreError::Refused(Arc::new(other)),
    }
}

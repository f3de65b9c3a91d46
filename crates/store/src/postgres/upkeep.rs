//! Schema, partitions, and whether the database answers.

use super::error::{StoreResultExt as _, classify, is_missing_table};
use super::{ACQUIRE_TIMEOUT, PgStore, migrations};
use crate::error::StoreError;
use crate::upkeep::{Migrated, PoolUse, Upkeep};
use async_trait::async_trait;
use sqlx::migrate::{Migrate as _, MigrateError};
use sqlx::{ConnectOptions as _, Connection as _, PgConnection, PgPool};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

/// Where the driver keeps what was applied.
const TABLE: &str = "_sqlx_migrations";
/// What a ping says of a database that lacks our newest migration.
const NOT_MIGRATED: StoreError = StoreError::Unreadable { what: "schema: run postrider migrate" };
/// How long a ping may take before the database counts as away.
const PING_TIMEOUT: Duration = Duration::from_secs(2);
/// Days of partitions that there always are: the day before, today, and a week.
const PARTITION_DAYS: i32 = 9;

#[async_trait]
impl Upkeep for PgStore {
    async fn migrate(&self) -> Result<Migrated, StoreError> {
        let mut connection = self.connect_to_migrate().await?;
        let applied = migrate(&mut connection).await.map_err(migrate_error)?;
        // What was applied is committed; the server notices by itself that we are gone.
        let _ = connection.close().await;
        Ok(Migrated { applied })
    }

    async fn partitions_ensure(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT partitions_ensure((now() AT TIME ZONE 'UTC')::date - 1, $1)")
            .bind(PARTITION_DAYS)
            .execute(&self.log)
            .await
            .or_store_error()?;
        Ok(())
    }

    async fn ping(&self) -> Result<(), StoreError> {
        let newest = migrations::newest_version();
        let applied = sqlx::query_scalar::<_, bool>(
            "SELECT EXISTS (SELECT FROM _sqlx_migrations WHERE version = $1 AND success)",
        )
        .bind(newest)
        .fetch_one(&self.log);
        match tokio::time::timeout(PING_TIMEOUT, applied).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err(NOT_MIGRATED),
            Ok(Err(error)) if is_missing_table(&error) => Err(NOT_MIGRATED),
            Ok(Err(error)) => Err(classify(error)),
            Err(elapsed) => Err(StoreError::Unavailable(Arc::new(elapsed))),
        }
    }

    fn pools(&self) -> Vec<PoolUse> {
        vec![pool_use("hot", &self.hot), pool_use("log", &self.log)]
    }
}

fn pool_use(name: &'static str, pool: &PgPool) -> PoolUse {
    let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
    let open = pool.size().max(idle);
    PoolUse { name, open, idle, limit: pool.options().get_max_connections() }
}

impl PgStore {
    /// A connection without time limits: a migration takes as long as it takes, and a second one
    /// waits for the first.
    async fn connect_to_migrate(&self) -> Result<PgConnection, StoreError> {
        let limits = [("statement_timeout", "0"), ("lock_timeout", "0")];
        let options = self.log.connect_options().as_ref().clone().options(limits);
        match tokio::time::timeout(ACQUIRE_TIMEOUT, options.connect()).await {
            Ok(connection) => connection.or_store_error(),
            Err(elapsed) => Err(StoreError::Unavailable(Arc::new(elapsed))),
        }
    }
}

/// Applies what is missing and gives its names. The lock goes with the connection, whatever happens.
async fn migrate(connection: &mut PgConnection) -> Result<Vec<String>, MigrateError> {
    connection.lock().await?;
    connection.ensure_migrations_table(TABLE).await?;
    let before = connection.list_applied_migrations(TABLE).await?;
    let before: HashSet<i64> = before.iter().map(|applied| applied.version).collect();

    let migrator = migrations::migrator();
    migrator.run_direct(None, connection, false).await?;
    Ok(migrator
        .iter()
        .filter(|migration| !before.contains(&migration.version))
        .map(|migration| format!("{:04}_{}", migration.version, migration.description))
        .collect())
}

fn migrate_error(error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => classify(error),
        other => StoreError::Refused(Arc::new(other)),
    }
}

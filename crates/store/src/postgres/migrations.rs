//! The migrations, built into the binary, in their order.

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};

const MIGRATIONS: [(i64, &str, &str); 2] = [
    (1, "init", include_str!("../../../../migrations/postgres/0001_init.sql")),
    (2, "traceparent", include_str!("../../../../migrations/postgres/0002_traceparent.sql")),
];

/// A migrator for all of them.
pub(super) fn migrator() -> Migrator {
    let migrations = MIGRATIONS.map(|(version, name, sql)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(migrations.into())
}

/// The version of the newest one.
pub(super) fn newest_version() -> i64 {
    MIGRATIONS.iter().map(|(version, ..)| *version).max().unwrap_or_default()
}

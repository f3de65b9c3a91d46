//! The migrations, built into the binary, in their order.

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};

const MIGRATIONS: [(i64, &str, &str); 14] = [
    (1, "init", include_str!("../../../../migrations/sqlite/0001_init.sql")),
    (2, "traceparent", include_str!("../../../../migrations/sqlite/0002_traceparent.sql")),
    (3, "contracts", include_str!("../../../../migrations/sqlite/0003_contracts.sql")),
    (4, "rates", include_str!("../../../../migrations/sqlite/0004_rates.sql")),
    (5, "replay_jobs", include_str!("../../../../migrations/sqlite/0005_replay_jobs.sql")),
    (6, "deliver_at", include_str!("../../../../migrations/sqlite/0006_deliver_at.sql")),
    (7, "breaker", include_str!("../../../../migrations/sqlite/0007_breaker.sql")),
    (8, "ordering", include_str!("../../../../migrations/sqlite/0008_ordering.sql")),
    (
        9,
        "operational_events",
        include_str!("../../../../migrations/sqlite/0009_operational_events.sql"),
    ),
    (10, "retention", include_str!("../../../../migrations/sqlite/0010_retention.sql")),
    (11, "backlog", include_str!("../../../../migrations/sqlite/0011_backlog.sql")),
    (
        12,
        "endpoint_rate_and_auto_enable",
        include_str!("../../../../migrations/sqlite/0012_endpoint_rate_and_auto_enable.sql"),
    ),
    (
        13,
        "cancelled_events",
        include_str!("../../../../migrations/sqlite/0013_cancelled_events.sql"),
    ),
    (14, "alone", include_str!("../../../../migrations/sqlite/0014_alone.sql")),
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

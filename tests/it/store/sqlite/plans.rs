//! Plans: what runs per event or per tick reads no table from end to end. SQLite plans without
//! statistics, so that an empty file shows what a full one does.

use super::{pool, store};
use postrider_store::SqliteStore;
use sqlx::{AssertSqlSafe, Row as _, SqlitePool};
use std::collections::BTreeSet;

/// The steps of a statement's plan.
async fn plan(pool: &SqlitePool, statement: &str) -> Vec<String> {
    let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
    let steps = sqlx::query(explain).fetch_all(pool).await.expect(statement);
    steps.iter().map(|step| step.get("detail")).collect()
}

/// Every name that a statement may give to a table that grows.
async fn tables(pool: &SqlitePool) -> BTreeSet<String> {
    let names = sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'table'");
    let mut names: BTreeSet<String> =
        names.fetch_all(pool).await.expect("tables").into_iter().collect();
    names.extend(["b", "d", "e", "ev", "f", "k", "l", "o", "t"].map(str::to_owned));
    names
}

/// A loose index scan starts with the first entry of a whole index.
fn starts_a_loose_scan(step: &str) -> bool {
    ["deliveries_due", "deliveries_held", "deliveries_waiting"]
        .iter()
        .any(|index| step == format!("SCAN deliveries USING COVERING INDEX {index}"))
}

#[tokio::test]
async fn hot_statements_read_no_table_from_end_to_end() {
    let (_store, folder) = store().await;
    let pool = pool(&folder);
    let tables = tables(&pool).await;
    let statements = SqliteStore::hot_statements();
    assert!(statements.len() > 20);
    for statement in statements {
        for step in plan(&pool, statement).await {
            let scanned = step.strip_prefix("SCAN ").and_then(|rest| rest.split(' ').next());
            let scans_table = scanned.is_some_and(|name| tables.contains(name));
            assert!(!scans_table || starts_a_loose_scan(&step), "{step} in {statement}");
            assert!(!step.contains("AUTOMATIC"), "{step} in {statement}");
        }
    }
}

/// What this test looks for is what SQLite says.
#[tokio::test]
async fn a_scan_is_called_one() {
    let (_store, folder) = store().await;
    let pool = pool(&folder);
    let scan = plan(&pool, "UPDATE deliveries SET losses = 0 WHERE losses = 1").await;
    assert_eq!(scan, ["SCAN deliveries"]);
}

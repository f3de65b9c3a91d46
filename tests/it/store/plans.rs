//! Hot statements have index plans from the first row to the ten-millionth, and touch only the
//! partitions that their rows are in.

mod explain;
mod feed;
mod fill;
mod replays;
mod retention;

use explain::{Hot, Index, Node};
use fill::{EVERY_DAY, Today};
use postrider_store::PgStore;
use postrider_testkit::{TestDatabase, only_on};
use sqlx::AssertSqlSafe;
use std::collections::HashMap;

const GROWING: [&str; 4] = ["events", "deliveries", "attempts", "idempotency_keys"];

/// The table that a partition belongs to, if it grows without bound.
fn growing(relation: &str) -> bool {
    GROWING.iter().any(|table| relation.starts_with(table))
}

/// Fails unless every hot statement's generic plan reads what grows through indexes alone: searching
/// the primary key by its first column, or reading an index of the states that are unfinished.
async fn assert_index_plans(hot: &mut Hot) {
    let indexes = hot.indexes().await;
    let mut wrong = Vec::new();
    for statement in PgStore::hot_statements() {
        let plan = hot.generic_plan(statement.sql).await;
        if let Some(node) = plan.nodes.iter().find(|node| !is_fine(node, &indexes)) {
            wrong.push(format!("{}: {node:?}\n{}", statement.name, plan.text));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

fn is_fine(node: &Node, indexes: &HashMap<String, Index>) -> bool {
    if let Some(index) = node.index.as_ref().map(|name| &indexes[name]) {
        let is_searched = node.condition.as_ref().is_some_and(|text| index.is_searched_for(text));
        let is_right = index.is_primary || !growing(&index.table);
        return index.is_of_states || is_right && is_searched;
    }
    // A bitmap's indexes are nodes of their own, and so is what finds the places of rows.
    let may_have_no_index =
        ["ModifyTable", "Bitmap Heap Scan", "Tid Scan"].contains(&node.kind.as_str());
    let joins_whole_tables = ["Hash Join", "Merge Join"].contains(&node.kind.as_str());
    (node.relation.is_none() || may_have_no_index) && !joins_whole_tables
}

#[tokio::test]
async fn plans_are_index_plans_on_an_empty_database() {
    only_on!(Distributed);
    let database = TestDatabase::create().await;
    let mut hot = Hot::connect(&database.url()).await;
    assert_index_plans(&mut hot).await;
    // Once the statistics say that a table is empty, nothing seems cheaper than reading it.
    sqlx::raw_sql("VACUUM ANALYZE").execute(&database.pool()).await.expect("analysed");
    assert_index_plans(&mut Hot::connect(&database.url()).await).await;
}

#[tokio::test]
async fn plans_are_index_plans_on_a_full_database() {
    only_on!(Distributed);
    let database = TestDatabase::create().await;
    fill::fill(&database.pool()).await;
    let mut hot = Hot::connect(&database.url()).await;
    assert_index_plans(&mut hot).await;
    only_todays_partitions_are_touched(&mut hot, &fill::today(&database.pool()).await).await;
}

/// Statements that name deliveries by their ids run on their day's partitions alone.
async fn only_todays_partitions_are_touched(hot: &mut Hot, today: &Today) {
    for (name, arguments) in today.arguments() {
        let statements = PgStore::hot_statements();
        let statement = statements.iter().find(|one| one.name == name).expect("a statement");
        let plan = hot.run(statement.sql, &arguments).await;
        let ran = plan.nodes.iter().filter(|node| node.ran && node.kind != "ModifyTable");
        let relations: Vec<&str> = ran.filter_map(|node| node.relation.as_deref()).collect();
        let touched: Vec<_> = relations.into_iter().filter(|relation| growing(relation)).collect();
        assert!(!touched.is_empty(), "{name} reads something\n{}", plan.text);
        let elsewhere: Vec<_> =
            touched.iter().filter(|relation| !relation.ends_with(&today.day)).collect();
        assert!(elsewhere.is_empty(), "{name} reads {elsewhere:?}\n{}", plan.text);
    }
}

/// What `fill` says that it fills is what the plans are made for.
#[tokio::test]
async fn a_full_database_is_full_on_every_day() {
    only_on!(Distributed);
    let database = TestDatabase::create().await;
    let pool = database.pool();
    fill::fill(&pool).await;
    for table in GROWING {
        let sql = format!("SELECT count(*) FROM {table}");
        let count: i64 =
            sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&pool).await.expect("rows");
        assert_eq!(count, EVERY_DAY * 9, "{table}");
    }
}

//! The statements of retention read a bounded part of an index, from the first row to the
//! ten-millionth, so that what is removed slows nobody.

use super::explain::{Hot, Index, Node};
use super::{fill, growing};
use postrider_store::PgStore;
use postrider_testkit::{TestDatabase, only_on};
use std::collections::HashMap;

/// What grows is found by an index, searched by its first column, or read by an index of an unfinished
/// state; no table is joined as a whole.
fn is_fine(node: &Node, indexes: &HashMap<String, Index>) -> bool {
    if let Some(index) = node.index.as_ref().map(|name| &indexes[name]) {
        let condition = node.condition.as_deref().unwrap_or_default();
        return index.is_of_states || index.is_searched_for(condition) || !growing(&index.table);
    }
    let may_have_no_index =
        ["ModifyTable", "Bitmap Heap Scan", "Tid Scan"].contains(&node.kind.as_str());
    let joins_whole_tables = ["Hash Join", "Merge Join"].contains(&node.kind.as_str());
    (node.relation.is_none() || may_have_no_index) && !joins_whole_tables
}

async fn assert_bounded_plans(hot: &mut Hot) {
    let indexes = hot.indexes().await;
    for statement in PgStore::retention_statements() {
        let plan = hot.generic_plan(statement.sql).await;
        let wrong: Vec<_> = plan.nodes.iter().filter(|node| !is_fine(node, &indexes)).collect();
        assert!(wrong.is_empty(), "{}: {wrong:#?}\n{}", statement.name, plan.text);
    }
}

#[tokio::test]
async fn retentions_plans_are_bounded_on_an_empty_database() {
    only_on!(Distributed);
    let database = TestDatabase::create().await;
    assert_bounded_plans(&mut Hot::connect(&database.url()).await).await;
    sqlx::raw_sql("VACUUM ANALYZE").execute(&database.pool()).await.expect("analysed");
    assert_bounded_plans(&mut Hot::connect(&database.url()).await).await;
}

/// What is given by its id is looked for in its day's partition alone.
#[tokio::test]
async fn retentions_plans_are_bounded_on_a_full_database() {
    only_on!(Distributed);
    let database = TestDatabase::create().await;
    let pool = database.pool();
    fill::fill(&pool).await;
    let mut hot = Hot::connect(&database.url()).await;
    assert_bounded_plans(&mut hot).await;

    let today = fill::today(&pool).await.day;
    let event: String = sqlx::query_scalar(
        "SELECT id::text FROM events WHERE id >= uuid_floor((now() AT TIME ZONE 'UTC')::date) LIMIT 1",
    )
    .fetch_one(&pool)
    .await
    .expect("an event of today");
    for statement in PgStore::retention_statements() {
        let arguments = match statement.name {
            "lock" | "deliveries" => format!("'{{{event}}}'"),
            "remove attempts" | "remove deliveries" | "remove events" => {
                format!("'{{{event}}}', '{event}', '{event}'")
            }
            _ => continue,
        };
        let plan = hot.run(statement.sql, &arguments).await;
        let ran = plan.nodes.iter().filter(|node| node.ran && node.kind != "ModifyTable");
        let touched: Vec<&str> = ran.filter_map(|node| node.relation.as_deref()).collect();
        assert!(!touched.is_empty(), "{} reads something", statement.name);
        let elsewhere = touched.iter().find(|relation| !relation.ends_with(&today));
        assert_eq!(elsewhere, None, "{}\n{}", statement.name, plan.text);
    }
}

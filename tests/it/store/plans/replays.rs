//! The statements of a replay's step read a bounded part of an index, from the first row to the
//! ten-millionth: from where the replay is, in the order of the index, and no more than asked.

use super::explain::{Hot, Index, Node};
use super::{fill, growing};
use postrider_store::PgStore;
use postrider_testkit::{TestDatabase, only_on};
use std::collections::HashMap;

/// What grows is found by an index, searched by its first column; nothing is sorted that a table
/// holds, and no table is joined as a whole.
fn is_fine(node: &Node, indexes: &HashMap<String, Index>) -> bool {
    if let Some(index) = node.index.as_ref().map(|name| &indexes[name]) {
        let condition = node.condition.as_deref().unwrap_or_default();
        return index.is_searched_for(condition) || !growing(&index.table);
    }
    let may_have_no_index = ["ModifyTable", "Bitmap Heap Scan"].contains(&node.kind.as_str());
    let joins_whole_tables = ["Hash Join", "Merge Join"].contains(&node.kind.as_str());
    (node.relation.is_none() || may_have_no_index) && !joins_whole_tables
}

/// Where a scan begins and ends is part of what the index is searched for.
fn is_positioned(node: &Node) -> bool {
    let condition = node.condition.as_deref().unwrap_or_default();
    condition.contains("(id > $3)") && condition.contains("(id <= $4)")
}

/// A scan by these arguments, of which there is something in every partition.
const ARGUMENTS: &str = "'t1', '00000000-0000-0000-0000-000000000001',
    '00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff', now(), 100,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL";
const PARTITIONS: usize = 9;

async fn assert_bounded_plans(hot: &mut Hot) {
    let indexes = hot.indexes().await;
    for statement in PgStore::replay_statements() {
        let plan = hot.generic_plan(statement.sql).await;
        let wrong: Vec<_> = plan.nodes.iter().filter(|node| !is_fine(node, &indexes)).collect();
        assert!(wrong.is_empty(), "{}: {wrong:#?}", statement.name);
    }
}

/// With arguments, since without them no partition is left in the plan.
async fn assert_bounded_scans(hot: &mut Hot) {
    let indexes = hot.indexes().await;
    let statements = PgStore::replay_statements();
    let scans = statements.iter().filter(|statement| statement.name.starts_with("scan"));
    for scan in scans {
        let given = if scan.name == "scan events" { 9 } else { 13 };
        let arguments: Vec<&str> = ARGUMENTS.split(',').take(given).collect();
        let plan = hot.run(scan.sql, &arguments.join(",")).await;
        let wrong: Vec<_> = plan.nodes.iter().filter(|node| !is_fine(node, &indexes)).collect();
        assert!(wrong.is_empty(), "{}: {wrong:#?}", scan.name);
        let positioned = plan.nodes.iter().filter(|node| is_positioned(node)).count();
        assert_eq!(positioned, PARTITIONS, "{}: {:#?}", scan.name, plan.nodes);
        let sorts = plan.nodes.iter().any(|node| node.kind == "Sort");
        assert!(!sorts, "{}: rows come in the order of the index", scan.name);
    }
}

#[tokio::test]
async fn a_steps_plans_are_bounded_on_an_empty_database() {
    only_on!(Distributed);
    let database = TestDatabase::create().await;
    assert_bounded_plans(&mut Hot::connect(&database.url()).await).await;
    sqlx::raw_sql("VACUUM ANALYZE").execute(&database.pool()).await.expect("analysed");
    let mut hot = Hot::connect(&database.url()).await;
    assert_bounded_plans(&mut hot).await;
    assert_bounded_scans(&mut hot).await;
}

#[tokio::test]
async fn a_steps_plans_are_bounded_on_a_full_database() {
    only_on!(Distributed);
    let database = TestDatabase::create().await;
    fill::fill(&database.pool()).await;
    let mut hot = Hot::connect(&database.url()).await;
    assert_bounded_plans(&mut hot).await;
    assert_bounded_scans(&mut hot).await;
}

//! A connection with the adapter's hot settings, and the plans that statements get on it.

use postrider_store::PgStore;
use serde_json::Value;
use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection, Row as _};
use std::collections::HashMap;
use std::str::FromStr as _;

/// A hot connection.
pub(super) struct Hot(PgConnection);

/// A plan as PostgreSQL explains it.
pub(super) struct Plan {
    /// All of its nodes.
    pub(super) nodes: Vec<Node>,
    /// The whole, for people.
    pub(super) text: String,
}

/// What a test looks at in a node.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: String,
    pub(super) relation: Option<String>,
    pub(super) index: Option<String>,
    /// What the index is searched for; without one it is read from end to end.
    pub(super) condition: Option<String>,
    /// Whether it was executed at all, where the statement was run.
    pub(super) ran: bool,
    /// How many rows it gave, where the statement was run.
    pub(super) rows: f64,
}

impl Hot {
    pub(super) async fn connect(url: &str) -> Self {
        let settings = PgStore::hot_settings().iter().copied();
        let options = PgConnectOptions::from_str(url).expect("a URL").options(settings);
        Self(options.connect().await.expect("a connection"))
    }

    async fn command(&mut self, sql: String) {
        let shown = sql.clone();
        let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut self.0).await;
        done.unwrap_or_else(|error| panic!("{shown}: {error}"));
    }

    async fn explain(&mut self, options: &str, arguments: &str) -> Plan {
        // Nothing between parentheses is no list of arguments.
        let list = if arguments.is_empty() { String::new() } else { format!("({arguments})") };
        let sql = format!("EXPLAIN ({options}, FORMAT JSON) EXECUTE hot {list}");
        let row: PgRow = sqlx::raw_sql(AssertSqlSafe(sql))
            .fetch_one(&mut self.0)
            .await
            .unwrap_or_else(|error| panic!("{options}: {error}"));
        let text: String = row.try_get_unchecked(0).expect("a text");
        let json: Value = serde_json::from_str(&text).expect("JSON");
        let mut nodes = Vec::new();
        collect(&json[0]["Plan"], &mut nodes);
        Plan { nodes, text }
    }

    /// The plan that a statement has for whatever arguments.
    pub(super) async fn generic_plan(&mut self, sql: &str) -> Plan {
        self.command(format!("PREPARE hot AS {sql}")).await;
        let parameters: i32 = sqlx::query_scalar(
            "SELECT cardinality(parameter_types) FROM pg_prepared_statements WHERE name = 'hot'",
        )
        .fetch_one(&mut self.0)
        .await
        .expect("a prepared statement");
        let arguments = vec!["NULL"; usize::try_from(parameters).expect("a count")].join(", ");
        let plan = self.explain("VERBOSE false", &arguments).await;
        self.command("DEALLOCATE hot".to_owned()).await;
        plan
    }

    /// The plan of a statement that is run on these arguments, and undone.
    pub(super) async fn run(&mut self, sql: &str, arguments: &str) -> Plan {
        self.command(format!("PREPARE hot AS {sql}")).await;
        self.command("BEGIN".to_owned()).await;
        let plan = self.explain("ANALYZE", arguments).await;
        self.command("ROLLBACK".to_owned()).await;
        self.command("DEALLOCATE hot".to_owned()).await;
        plan
    }

    /// The indexes that there are.
    pub(super) async fn indexes(&mut self) -> HashMap<String, Index> {
        let rows: Vec<(String, String, bool, bool, String)> = sqlx::query_as(
            "SELECT indexrelid::regclass::text, indrelid::regclass::text, indisprimary,
                    coalesce(pg_get_expr(indpred, indrelid), '') ~ 'state',
                    pg_get_indexdef(indexrelid, 1, true)
             FROM pg_index",
        )
        .fetch_all(&mut self.0)
        .await
        .expect("indexes");
        rows.into_iter()
            .map(|(name, table, is_primary, is_of_states, first_column)| {
                (name, Index { table, is_primary, is_of_states, first_column })
            })
            .collect()
    }
}

/// What a test looks at in an index.
pub(super) struct Index {
    pub(super) table: String,
    /// It is the table's primary key.
    pub(super) is_primary: bool,
    /// It holds the rows in some states only.
    pub(super) is_of_states: bool,
    first_column: String,
}

impl Index {
    /// Whether this condition goes by its first column; any other reads it from end to end.
    pub(super) fn is_searched_for(&self, condition: &str) -> bool {
        let first = &self.first_column;
        [format!("({first} "), format!("(ROW({first}, ")].iter().any(|by| condition.contains(by))
    }
}

fn collect(plan: &Value, nodes: &mut Vec<Node>) {
    let text = |key: &str| plan[key].as_str().map(str::to_owned);
    let number = |key: &str| plan[key].as_f64().unwrap_or_default();
    nodes.push(Node {
        kind: text("Node Type").expect("a kind"),
        relation: text("Relation Name"),
        index: text("Index Name"),
        condition: text("Index Cond"),
        ran: plan["Actual Loops"].as_f64().is_some_and(|loops| loops > 0.0),
        rows: number("Actual Rows") * number("Actual Loops"),
    });
    for child in plan["Plans"].as_array().into_iter().flatten() {
        collect(child, nodes);
    }
}

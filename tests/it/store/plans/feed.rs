//! A step of the feeder reads about as much as it hands out, however much there is: partitions in which
//! nothing waits are left out, and of what waits no more is looked at than may go.

use super::explain::{Hot, Node, Plan};
use super::growing;
use postrider_store::PgStore;
use postrider_testkit::{TestDatabase, only_on};
use sqlx::PgPool;
use sqlx::types::Uuid;

/// What the test's step hands out, and an endpoint's cap.
const TOTAL: u32 = 20;
const CAP: u32 = 8;
const NIL: Uuid = Uuid::nil();
const MAX: Uuid = Uuid::max();

/// Endpoints and a tenant; today 200 due for each of 50 endpoints, and in each of the other partitions
/// as many that are finished.
const FILL: [&str; 4] = [
    "INSERT INTO tenants (id, name, contract) VALUES ('t', 'A tenant', 'plain')",
    "INSERT INTO endpoints (id, tenant_id, public_id, url, description, events, secret, active)
     SELECT lpad(to_hex(n), 32, '0')::uuid, 't', 'wh_' || n, 'https://receiver.example', '', '{*}', '',
            true
     FROM generate_series(1, 50) AS n",
    "INSERT INTO deliveries (id, tenant_id, event_id, endpoint_id, state, next_attempt_at, finished_at)
     SELECT (left(uuid_floor(today + d)::text, 13) || '-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
            't', gen_random_uuid(), lpad(to_hex(1 + n % 50), 32, '0')::uuid,
            CASE d WHEN 0 THEN 'scheduled' ELSE 'delivered' END, now() - interval '1 s' * n,
            CASE WHEN d <> 0 THEN now() END
     FROM (SELECT (now() AT TIME ZONE 'UTC')::date AS today) AS t, generate_series(-1, 7) AS d,
          generate_series(1, 10000) AS n",
    "ANALYZE",
];

/// The feeder's statements, and those that go round endpoints as it does.
const GO_BY_WHAT_WAITS: [&str; 12] = [
    "feed: window",
    "feed: waiting",
    "feed: look",
    "feed: tenants",
    "follow: window",
    "follow: find held",
    "follow: find scheduled",
    "follow: find waiting",
    "follow: resume",
    "follow: hold",
    "follow: let go",
    "backlog",
];

fn sql(name: &str) -> &'static str {
    let statements = PgStore::hot_statements();
    statements.iter().find(|one| one.name == name).expect("a statement").sql
}

async fn fill(pool: &PgPool) {
    for statement in FILL {
        sqlx::query(statement).execute(pool).await.expect(statement);
    }
}

/// Where the feeder finds something, as arguments.
async fn window(pool: &PgPool) -> String {
    let (from, until, ..): (Option<Uuid>, Option<Uuid>, Option<Uuid>, Option<Uuid>) =
        sqlx::query_as(sql("feed: window")).fetch_one(pool).await.expect("a window");
    format!("'{}', '{}'", from.expect("a first one"), until.expect("a last one"))
}

/// The nodes that read deliveries and were executed.
fn reads(plan: &Plan) -> Vec<&Node> {
    let reads = |node: &&Node| node.relation.as_deref().is_some_and(growing) && node.ran;
    plan.nodes.iter().filter(reads).collect()
}

fn assert_reads_a_bounded_part(name: &str, plan: &Plan, today: &str) {
    let reads = reads(plan);
    assert!(!reads.is_empty(), "{name} reads something\n{}", plan.text);
    for node in reads {
        let relation = node.relation.as_deref().expect("a relation");
        assert!(relation.ends_with(today), "{name} reads {relation}\n{}", plan.text);
        let index = node.index.as_deref().expect("an index");
        assert!(!index.ends_with("_pkey"), "{name} goes by ids\n{}", plan.text);
        assert!(
            node.rows <= f64::from(2 * TOTAL),
            "{name} reads {} rows\n{}",
            node.rows,
            plan.text
        );
    }
}

#[tokio::test]
async fn a_step_reads_what_it_hands_out() {
    only_on!(Distributed);
    let database = TestDatabase::create().await;
    let pool = database.pool();
    // Prepared before there is anything, as by a service that has just been set up.
    let mut hot = Hot::connect(&database.url()).await;
    fill(&pool).await;
    let today: String = sqlx::query_scalar("SELECT to_char(now() AT TIME ZONE 'UTC', '_YYYYMMDD')")
        .fetch_one(&pool)
        .await
        .expect("a day");
    let due = window(&pool).await;

    let waiting = format!("'{NIL}', '{MAX}', {TOTAL}, {}, {due}", 4 * TOTAL);
    let plan = hot.run(sql("feed: waiting"), &waiting).await;
    assert_reads_a_bounded_part("waiting", &plan, &today);

    let found: Vec<_> = (1..=TOTAL).map(|n| Uuid::from_u128(n.into()).to_string()).collect();
    let found = found.join(",");
    let caps = vec![CAP.to_string(); TOTAL as usize].join(",");
    let look =
        format!("'{{{found}}}', '{{{NIL}}}', '{{{MAX}}}', {CAP}, 1, {due}, {due}, '{{{caps}}}'");
    let plan = hot.run(sql("feed: look"), &look).await;
    assert_reads_a_bounded_part("look", &plan, &today);

    let tenants = format!("'{{t}}', 100, {due}");
    let plan = hot.run(sql("feed: tenants"), &tenants).await;
    assert_reads_a_bounded_part("tenants", &plan, &today);
}

/// Whatever the statistics say: the primary key would read a day of finished deliveries.
#[tokio::test]
async fn a_step_goes_by_what_waits() {
    only_on!(Distributed);
    let database = TestDatabase::create().await;
    let pool = database.pool();
    for prepare in ["SELECT 1", "VACUUM ANALYZE"] {
        sqlx::raw_sql(prepare).execute(&pool).await.expect("prepared");
        assert_goes_by_what_waits(&database).await;
    }
    fill(&pool).await;
    assert_goes_by_what_waits(&database).await;
}

async fn assert_goes_by_what_waits(database: &TestDatabase) {
    let mut hot = Hot::connect(&database.url()).await;
    let indexes = hot.indexes().await;
    for name in GO_BY_WHAT_WAITS {
        let plan = hot.generic_plan(sql(name)).await;
        let of_states = |index: &String| indexes[index].is_of_states;
        let wrong = |node: &&Node| {
            node.relation.as_deref().is_some_and(growing)
                && node.kind != "ModifyTable"
                && !node.index.as_ref().is_some_and(of_states)
        };
        let wrong: Vec<_> = plan.nodes.iter().filter(wrong).collect();
        assert!(wrong.is_empty(), "{name}: {wrong:#?}\n{}", plan.text);
    }
}

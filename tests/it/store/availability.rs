//! A database that is away, silent or read-only is an error that says so, in bounded time.

use super::{CONNECTIONS, store_on};
use postrider_common::keeping::Keeping;
use postrider_common::tenant::{NewTenant, TenantId};
use postrider_store::conformance::fixtures::lease_policy;
use postrider_store::{Claiming, PgStore, StoreError, Tenants as _, Upkeep as _, Work as _};
use postrider_testkit::{TestDatabase, only_on};
use std::fmt::Debug;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;

/// Beyond every time limit of the adapter's.
const PATIENCE: Duration = Duration::from_secs(20);

fn tenant() -> TenantId {
    TenantId::parse("acme").expect("an id")
}

fn store_at(address: SocketAddr) -> PgStore {
    let url = format!("postgres://nobody@{address}/nothing");
    PgStore::connect(&url, CONNECTIONS).expect("a store is made without its database")
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

async fn assert_unavailable<T: Debug>(call: impl Future<Output = Result<T, StoreError>>) {
    let result = tokio::time::timeout(PATIENCE, call).await.expect("it answers in time");
    let error = result.expect_err("there is no database");
    assert!(error.is_unavailable(), "{error:?}");
}

async fn assert_every_call_is_unavailable(store: &PgStore) {
    let (acme, lease) = (tenant(), lease_policy());
    tokio::join!(
        assert_unavailable(store.tenant_get(&acme)),
        assert_unavailable(store.deliveries_claim(&[], &lease, Claiming::Together)),
        assert_unavailable(store.deliveries_reap(1)),
        assert_unavailable(store.partitions_ensure()),
        assert_unavailable(store.migrate()),
        assert_unavailable(store.ping()),
    );
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_unavailable() {
    let (listener, address) = listener().await;
    drop(listener);
    assert_every_call_is_unavailable(&store_at(address)).await;
}

#[tokio::test]
async fn a_server_that_says_nothing_is_unavailable() {
    // Connections wait in its backlog.
    let (_silent, address) = listener().await;
    assert_every_call_is_unavailable(&store_at(address)).await;
}

#[tokio::test]
async fn a_read_only_database_is_unavailable_until_it_is_writable() {
    only_on!(Distributed);
    let database = TestDatabase::create().await;
    let pool = database.pool();
    let set = async |value: &str| {
        let name = database.url().rsplit('/').next().expect("a name").to_owned();
        let sql = format!("ALTER DATABASE {name} SET default_transaction_read_only = {value}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&pool).await.expect("set");
    };
    set("on").await;
    let store = store_on(&database);
    let (name, contract) = (String::new(), String::new());
    let new = NewTenant { id: tenant(), name, contract, keeping: Keeping::default() };
    assert_unavailable(store.tenant_create(new.clone())).await;
    store.tenant_get(&tenant()).await.expect("it can be read");

    set("off").await;
    // As a failover does it: the connections to the old server are gone.
    let cut = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
               WHERE datname = current_database() AND application_name = 'postrider'";
    sqlx::query(cut).execute(&pool).await.expect("cut");
    store.tenant_create(new).await.expect("it can be written again");
}

#[tokio::test]
async fn a_database_that_is_not_migrated_is_not_ready() {
    only_on!(Distributed);
    let database = TestDatabase::create().await;
    let store = store_on(&database);
    store.ping().await.expect("it is migrated");
    let drop = "DROP TABLE _sqlx_migrations";
    sqlx::query(drop).execute(&database.pool()).await.expect("dropped");
    let error = store.ping().await.expect_err("the schema is unknown");
    assert!(matches!(error, StoreError::Unreadable { .. }), "{error:?}");
}

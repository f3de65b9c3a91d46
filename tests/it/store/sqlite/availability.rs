//! A file that is away, or that somebody else writes, is an error that says so, in bounded time.

use super::{file_in, folder, pool, store, store_in};
use postrider_common::keeping::Keeping;
use postrider_common::tenant::{NewTenant, TenantId};
use postrider_store::conformance::fixtures::lease_policy;
use postrider_store::{Claiming, StoreError, Tenants as _, Upkeep as _, Work as _};
use std::fmt::Debug;
use std::time::Duration;

/// Beyond every time limit of the adapter's.
const PATIENCE: Duration = Duration::from_secs(20);

fn tenant() -> TenantId {
    TenantId::parse("acme").expect("an id")
}

fn new_tenant() -> NewTenant {
    let (name, contract) = (String::new(), String::new());
    NewTenant { id: tenant(), name, contract, keeping: Keeping::default() }
}

async fn assert_unavailable<T: Debug>(call: impl Future<Output = Result<T, StoreError>>) {
    let result = tokio::time::timeout(PATIENCE, call).await.expect("it answers in time");
    let error = result.expect_err("there is no database");
    assert!(error.is_unavailable(), "{error:?}");
}

#[tokio::test]
async fn a_file_that_is_not_there_is_unavailable_and_not_made() {
    let folder = folder();
    let store = store_in(&folder);
    let (acme, lease) = (tenant(), lease_policy());
    assert_unavailable(store.tenant_get(&acme)).await;
    assert_unavailable(store.tenant_create(new_tenant())).await;
    assert_unavailable(store.deliveries_claim(&[], &lease, Claiming::Together)).await;
    assert_unavailable(store.deliveries_reap(1)).await;
    assert_unavailable(store.ping()).await;
    assert!(!file_in(&folder).exists());

    store.migrate().await.expect("migrating makes it");
    store.tenant_create(new_tenant()).await.expect("it is there now");
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_unavailable() {
    let folder = folder();
    let store = store_in(&folder);
    drop(folder);
    assert_unavailable(store.migrate()).await;
    assert_unavailable(store.ping()).await;
}

#[tokio::test]
async fn a_file_that_somebody_else_writes_can_be_read() {
    let (store, folder) = store().await;
    let other = pool(&folder).begin_with("BEGIN IMMEDIATE").await.expect("nobody writes");
    assert_unavailable(store.tenant_create(new_tenant())).await;
    assert_eq!(store.tenant_get(&tenant()).await.expect("it can be read").map(drop), None);
    store.ping().await.expect("it can be read");

    other.rollback().await.expect("let go");
    store.tenant_create(new_tenant()).await.expect("it can be written again");
}

#[tokio::test]
async fn a_database_that_is_not_migrated_is_not_ready() {
    let (store, folder) = store().await;
    store.ping().await.expect("it is migrated");
    let drop = "DROP TABLE _sqlx_migrations";
    sqlx::query(drop).execute(&pool(&folder)).await.expect("dropped");
    let error = store.ping().await.expect_err("the schema is unknown");
    assert!(matches!(error, StoreError::Unreadable { .. }), "{error:?}");
}

//! Versions that deliveries refer to, in force or not, readable or not.

use super::{folder, guides_contract, next_version, parse, place};
use postrider_common::contract_version::ContractVersion;
use postrider_common::contracts::ContractsConfig;
use postrider_common::metrics::Metrics;
use postrider_store::{ContractBook, SharedStore, SqliteStore, StoreError};
use postrider_testkit::TestStore;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};
use std::path::Path;
use std::sync::Arc;

async fn refreshed(store: SharedStore, folder: Option<&Path>) -> ContractBook {
    let config = ContractsConfig { contracts_dir: folder.map(Path::to_owned) };
    let book = ContractBook::new(store, &config, &Metrics::new());
    book.refresh().await.unwrap();
    book
}

/// The number of the version of `acme` that is in force.
async fn number(store: &SharedStore) -> ContractVersion {
    let in_force = store.contracts_in_force().await.unwrap();
    in_force.contracts.iter().find(|kept| kept.name == "acme").unwrap().version
}

#[tokio::test]
async fn a_version_is_there_for_good() {
    let database = TestStore::create().await;
    let (store, files) = (database.store(), folder());
    place(files.path(), &guides_contract());
    let book = refreshed(database.store(), Some(files.path())).await;
    let first = number(&store).await;
    place(files.path(), &next_version());
    book.refresh().await.unwrap();
    let second = number(&store).await;

    let later = refreshed(database.store(), None).await;
    for book in [&book, &later] {
        let of = async |version| book.version(version).await.unwrap().unwrap();
        assert_eq!(of(first).await.digest(), parse(&guides_contract()).digest());
        assert!(Arc::ptr_eq(&of(first).await, &of(first).await), "it is read once");
        let in_force = book.contracts().get("acme").cloned().unwrap();
        assert!(Arc::ptr_eq(&of(second).await, &in_force), "it is shared");
    }
    let unknown = later.version(ContractVersion::from_number(i32::MAX)).await.unwrap();
    assert!(unknown.is_none());
}

#[tokio::test]
async fn whoever_is_asked_for_a_new_version_knows_what_is_in_force_by_then() {
    let database = TestStore::create().await;
    let (store, files) = (database.store(), folder());
    place(files.path(), &guides_contract());
    let bringing = refreshed(database.store(), Some(files.path())).await;
    let following = refreshed(database.store(), None).await;
    place(files.path(), &next_version());
    bringing.refresh().await.unwrap();

    let generation = following.generation();
    following.version(number(&store).await).await.unwrap().unwrap();
    let known = following.contracts().get("acme").unwrap().digest();
    assert_eq!(known, parse(&next_version()).digest());
    assert_eq!(following.generation(), generation + 1);
}

/// A text that a newer release wrote, or that stands under another contract's name. In a file, which can be
/// written to in any run.
#[tokio::test]
async fn a_text_that_cannot_be_read_leaves_what_was_known() {
    let files = folder();
    let file = files.path().join("postrider.db");
    let store: SharedStore = Arc::new(SqliteStore::open(&file, 4));
    store.migrate().await.unwrap();
    let options = SqliteConnectOptions::new().filename(&file);
    let mut raw = SqliteConnection::connect_with(&options).await.unwrap();
    place(files.path(), &guides_contract());
    let bringing = refreshed(store.clone(), Some(files.path())).await;
    let (before, first) = (refreshed(store.clone(), None).await, number(&store).await);
    place(files.path(), &next_version());
    bringing.refresh().await.unwrap();
    let second = number(&store).await;
    let other = next_version().replacen("\"acme\"", "\"other\"", 1);
    for text in ["sent_by = 'pigeon'", other.as_str()] {
        let write = "UPDATE contract_versions SET source = ?1 WHERE id = ?2";
        let write = sqlx::query(write).bind(text).bind(second.number());
        assert_eq!(write.execute(&mut raw).await.unwrap().rows_affected(), 1);

        before.refresh().await.unwrap();
        let known = before.contracts().get("acme").unwrap().digest();
        assert_eq!(known, parse(&guides_contract()).digest());
        assert!(before.contracts().get("other").is_none());
        let after = refreshed(store.clone(), None).await;
        assert!(after.contracts().get("acme").is_none(), "nothing was known");
        let refused = after.version(second).await.unwrap_err();
        assert!(matches!(refused, StoreError::Unreadable { .. }), "{refused:?}");
        assert!(after.version(first).await.unwrap().is_some());
    }
    assert!(Arc::ptr_eq(
        &bringing.version(second).await.unwrap().unwrap(),
        bringing.contracts().get("acme").unwrap()
    ));
}

//! The contracts as several processes know them that share a database and have folders of their own, or
//! none.

use super::{SOON, folder, guides_contract, next_version, parse, place};
use postrider_common::contracts::ContractsConfig;
use postrider_common::metrics::Metrics;
use postrider_contract::{ContractDigest, Contracts};
use postrider_store::{ContractBook, OperatorConfig, SharedStore, StoreConfig};
use postrider_testkit::TestStore;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use tokio_util::task::AbortOnDropHandle;

/// What a process of this folder knows.
fn book(store: SharedStore, folder: Option<&Path>) -> ContractBook {
    measured(store, folder, &Metrics::new())
}

fn measured(store: SharedStore, folder: Option<&Path>, metrics: &Metrics) -> ContractBook {
    let config = ContractsConfig { contracts_dir: folder.map(Path::to_owned) };
    ContractBook::new(store, &config, metrics)
}

/// Which version of `acme` it works by.
fn acme(book: &ContractBook) -> Option<ContractDigest> {
    book.contracts().get("acme").map(|contract| contract.digest())
}

/// What is shown under these names, and no others.
fn shown(metrics: &Metrics) -> Vec<String> {
    let text = metrics.encode().unwrap();
    let ours = text.lines().filter(|line| line.starts_with("postrider_contracts_"));
    ours.map(str::to_owned).collect()
}

#[tokio::test]
async fn what_one_process_brings_all_of_them_follow() {
    let database = TestStore::create().await;
    let (files, first) = (folder(), parse(&guides_contract()).digest());
    place(files.path(), &guides_contract());
    let bringing = book(database.store(), Some(files.path()));
    let following = book(database.store(), None);
    assert_eq!((acme(&bringing), acme(&following)), (Some(first), None));

    bringing.refresh().await.unwrap();
    following.refresh().await.unwrap();
    assert_eq!(acme(&following), Some(first));

    let mut changes = following.watch();
    let _keeping = AbortOnDropHandle::new(tokio::spawn(following.clone().keep_current()));
    let _also = AbortOnDropHandle::new(tokio::spawn(bringing.clone().keep_current()));
    place(files.path(), &next_version());
    let next = parse(&next_version()).digest();
    let followed = changes.wait_for(|known| {
        known.contracts.get("acme").is_some_and(|contract| contract.digest() == next)
    });
    tokio::time::timeout(SOON, followed).await.expect("it follows in time").unwrap();
}

#[tokio::test]
async fn a_contract_that_was_put_in_force_a_moment_ago_is_found() {
    let database = TestStore::create().await;
    let files = folder();
    let bringing = book(database.store(), Some(files.path()));
    let following = book(database.store(), None);
    assert!(following.find("acme").await.is_none());

    place(files.path(), &guides_contract());
    let digest = parse(&guides_contract()).digest();
    assert_eq!(bringing.find("acme").await.unwrap().digest(), digest);
    assert_eq!(following.find("acme").await.unwrap().digest(), digest);
    assert!(following.find("acme-2").await.is_none());
}

#[tokio::test]
async fn a_file_that_breaks_or_goes_takes_nothing_out_of_force() {
    let database = TestStore::create().await;
    let (files, metrics) = (folder(), Metrics::new());
    place(files.path(), &guides_contract());
    let kept = Some(parse(&guides_contract()).digest());
    let book_ = measured(database.store(), Some(files.path()), &metrics);
    book_.refresh().await.unwrap();
    let with_refused = |count: usize| {
        let known = Contracts::built_in().iter().count() + 1;
        [
            format!("postrider_contracts_in_force {known}"),
            format!("postrider_contracts_refused_files {count}"),
        ]
    };
    assert_eq!(shown(&metrics), with_refused(0));

    place(files.path(), &guides_contract().replacen("timeout = 10", "timeout = 0", 1));
    book_.refresh().await.unwrap();
    assert_eq!((acme(&book_), shown(&metrics)), (kept, with_refused(1).to_vec()));

    fs::write(files.path().join("github.toml"), guides_contract().replacen("acme", "github", 1))
        .unwrap();
    book_.refresh().await.unwrap();
    assert_eq!(shown(&metrics), with_refused(2));
    assert_eq!(
        book_.contracts().get("github").unwrap().digest(),
        Contracts::built_in().get("github").unwrap().digest()
    );

    fs::remove_file(files.path().join("github.toml")).unwrap();
    fs::remove_file(files.path().join("acme.toml")).unwrap();
    book_.refresh().await.unwrap();
    assert_eq!((acme(&book_), shown(&metrics)), (kept, with_refused(0).to_vec()));
    let later = book(database.store(), Some(files.path()));
    later.refresh().await.unwrap();
    assert_eq!(acme(&later), kept);
}

/// As while a change of a `ConfigMap` reaches one machine after the other.
#[tokio::test]
async fn folders_that_differ_for_a_while_do_not_undo_each_others_changes() {
    let database = TestStore::create().await;
    let (one, other) = (folder(), folder());
    place(one.path(), &guides_contract());
    place(other.path(), &guides_contract());
    let first = book(database.store(), Some(one.path()));
    let second = book(database.store(), Some(other.path()));
    first.refresh().await.unwrap();
    second.refresh().await.unwrap();

    let next = Some(parse(&next_version()).digest());
    place(one.path(), &next_version());
    for book in [&first, &second, &first, &second] {
        book.refresh().await.unwrap();
        assert_eq!(acme(book), next);
    }
    place(other.path(), &next_version());
    let revision = database.store().contracts_revision().await.unwrap();
    second.refresh().await.unwrap();
    assert_eq!(database.store().contracts_revision().await.unwrap(), revision, "it says the same");
}

#[tokio::test]
async fn a_process_without_its_database_knows_the_built_in_contracts_and_its_own() {
    let store = postrider_store::connect(&StoreConfig {
        database_url: "postgres://nobody@127.0.0.1:1/nothing".parse().unwrap(),
        database_connections: 2,
        operator: OperatorConfig::default(),
    });
    let files = folder();
    place(files.path(), &guides_contract());
    let book = book(store.unwrap(), Some(files.path()));
    book.refresh_at_start().await;
    assert_eq!(acme(&book), Some(parse(&guides_contract()).digest()));
    for built_in in Contracts::built_in().iter() {
        assert!(Arc::ptr_eq(book.contracts().get(built_in.name()).unwrap(), built_in));
    }
}

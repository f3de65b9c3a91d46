//! Conformance: processes that put contracts in force at once, as all do when they start.

use super::Subject;
use super::contract_versions::contract;
use super::fixtures::{CONTRACT, event};
use futures::future::join_all;
use postrider_contract::Contract;
use std::collections::HashSet;
use std::sync::Arc;

const CALLERS: usize = 8;

/// Puts each of the lists in force, all at once; gives how many changed something.
async fn put_at_once(subject: &Subject, lists: Vec<Vec<Arc<Contract>>>) -> usize {
    let calls = lists.into_iter().map(|contracts| {
        let store = Arc::clone(&subject.store);
        tokio::spawn(async move { store.contracts_put(&contracts).await.expect("an answer") })
    });
    let answers = join_all(calls).await;
    answers.into_iter().filter(|changed| *changed.as_ref().expect("no panic")).count()
}

/// In whatever order they name them, one of them changes something.
pub async fn callers_at_once_put_one_version_in_force(subject: &Subject) {
    let names = ["a", "b", "c", "d", "e"];
    for timeout in 10..14 {
        let list = |caller: usize| {
            let mut list: Vec<_> = names.iter().map(|name| contract(name, timeout)).collect();
            list.rotate_left(caller % names.len());
            list
        };
        let before = subject.in_force().await.revision;
        assert_eq!(put_at_once(subject, (0..CALLERS).map(list).collect()).await, 1);
        let after = subject.in_force().await;
        assert!(after.revision > before);
        let kept: Vec<&str> = after.contracts.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(kept, names);
    }
}

/// One version of each stays, which is one of those that were put, and customers come and go
/// meanwhile.
pub async fn versions_that_change_at_once_do_not_block_each_other(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    for round in 0..4 {
        let list = |caller: usize| {
            let timeout = 10 + u32::try_from(caller).expect("a few") % 3;
            let mut list = vec![contract(CONTRACT.0, timeout), contract("other", timeout)];
            list.rotate_left(caller % 2);
            list
        };
        let switches = async {
            for active in [false, true] {
                subject.switch(&tenant, &endpoint, active).await;
                subject.customer().await;
            }
        };
        let puts = put_at_once(subject, (round..round + CALLERS).map(list).collect());
        let (changed, ()) = futures::join!(puts, switches);
        assert!(changed > 0);
        let contracts = subject.in_force().await.contracts;
        let digests: HashSet<_> = contracts.iter().map(|kept| kept.digest).collect();
        let puttable = |timeout| [CONTRACT.0, "other"].map(|name| contract(name, timeout).digest());
        let puttable: HashSet<_> = (10..13).flat_map(puttable).collect();
        assert_eq!(contracts.len(), 2);
        assert!(digests.is_subset(&puttable));
        let version = subject.version_of(CONTRACT.0).await;
        assert_eq!(subject.accepted_with(&tenant).await, Some(version));
    }
}

/// Whoever was told that it is in force gets it, also for a tenant that was made meanwhile.
pub async fn an_accept_after_a_change_is_made_by_it(subject: &Subject) {
    for timeout in 10..20 {
        let change = [&contract(CONTRACT.0, timeout)];
        let (tenant, changed) = futures::join!(
            async {
                let (tenant, _) = subject.customer().await;
                subject.accept_one(event(&tenant)).await;
                tenant
            },
            subject.put(&change)
        );
        assert!(changed);
        let version = subject.version_of(CONTRACT.0).await;
        assert_eq!(subject.accepted_with(&tenant).await, Some(version));
    }
}

//! Conformance: contracts in force, their versions, and which of them a delivery's body is made by.

use super::Subject;
use super::fixtures::{CONTRACT, event, ids, retry};
use crate::contracts::{InForce, KeptContract};
use crate::endpoints::EndpointPatch;
use postrider_common::contract_version::ContractVersion;
use postrider_common::tenant::TenantScope;
use postrider_contract::Contract;
use std::sync::Arc;
use std::time::Duration;

const TEXT: &str = r#"
    name = "NAME"
    description = "A contract of the suite."
    [ids]
    event = "evt_"
    delivery = "msg_"
    endpoint = "wh_"
    [endpoint]
    https_only = false
    [request]
    headers = []
    body = "payload"
    [[signatures]]
    header = "x-signature"
    content = "{body}"
    algorithm = "hmac-sha256"
    encoding = "hex"
    value = "{signature}"
    [[secret]]
    key = "text"
    prefix = "whsec_"
    random_bytes = 32
    min_bytes = 24
    max_bytes = 256
    [delivery]
    timeout = TIMEOUT
    success = ["2xx"]
    delays = [5]
    jitter = 0
    after_last = "fail"
"#;

/// The contract of this name, in the version that has this time-out.
pub fn contract(name: &str, timeout: u32) -> Arc<Contract> {
    let text = TEXT.replace("NAME", name).replace("TIMEOUT", &timeout.to_string());
    Arc::new(Contract::parse("suite.toml", &text).expect("a contract"))
}

impl Subject {
    /// Puts contracts in force; gives whether anything changed.
    pub async fn put(&self, contracts: &[&Arc<Contract>]) -> bool {
        let contracts: Vec<Arc<Contract>> = contracts.iter().copied().map(Arc::clone).collect();
        self.store.contracts_put(&contracts).await.expect("an answer")
    }

    /// The contracts in force, whose revision is the one that can be asked for alone.
    pub async fn in_force(&self) -> InForce {
        let in_force = self.store.contracts_in_force().await.expect("the contracts");
        let revision = self.store.contracts_revision().await.expect("a revision");
        assert_eq!(in_force.revision, revision);
        in_force
    }

    /// The version in force of a contract, which is one of those in force.
    pub async fn version_of(&self, name: &str) -> ContractVersion {
        let in_force = self.in_force().await;
        let found = in_force.contracts.into_iter().find(|contract| contract.name == name);
        found.expect("a contract in force").version
    }

    async fn kept(&self, version: ContractVersion) -> Option<KeptContract> {
        self.store.contract_version(version).await.expect("an answer")
    }

    /// Accepts an event and claims its delivery, for the version that it was accepted with.
    pub async fn accepted_with(&self, tenant: &TenantScope) -> Option<ContractVersion> {
        self.in_flight(tenant).await.contract_version
    }
}

fn is(kept: &KeptContract, contract: &Contract) -> bool {
    let (name, source) = (contract.name(), contract.source().as_ref());
    (kept.name.as_str(), kept.digest, kept.source.as_str()) == (name, contract.digest(), source)
}

/// By name, and each by the number of its version.
pub async fn what_is_put_in_force_is_read_back(subject: &Subject) {
    assert_eq!(subject.in_force().await, InForce::default());
    let (first, second) = (contract("a", 10), contract("b", 10));
    assert!(subject.put(&[&second, &first]).await);
    let in_force = subject.in_force().await;
    assert!(in_force.revision > 0);
    assert!(is(&in_force.contracts[0], &first) && is(&in_force.contracts[1], &second));
    assert_eq!(in_force.contracts.len(), 2);
    for kept in in_force.contracts {
        assert_eq!(subject.kept(kept.version).await, Some(kept));
    }
    assert_eq!(subject.kept(ContractVersion::from_number(i32::MAX)).await, None);
}

/// Not the revision either; nor does putting nothing.
pub async fn putting_twice_changes_nothing(subject: &Subject) {
    assert!(!subject.put(&[]).await);
    let one = contract("a", 10);
    assert!(subject.put(&[&one]).await);
    let before = subject.in_force().await;
    assert!(!subject.put(&[&one]).await);
    assert!(!subject.put(&[]).await);
    assert_eq!(subject.in_force().await, before);
}

/// The others keep their versions, and are in force although they are not named again.
pub async fn only_what_changed_is_put_in_force_anew(subject: &Subject) {
    subject.put(&[&contract("a", 10), &contract("b", 10)]).await;
    let before = subject.in_force().await;
    assert!(subject.put(&[&contract("a", 10), &contract("b", 11)]).await);
    let after = subject.in_force().await;
    assert!(after.revision > before.revision);
    assert_eq!(after.contracts[0], before.contracts[0]);
    assert!(is(&after.contracts[1], &contract("b", 11)));
    assert_ne!(after.contracts[1].version, before.contracts[1].version);

    assert!(subject.put(&[&contract("c", 10)]).await);
    let last = subject.in_force().await;
    assert!(last.revision > after.revision);
    assert_eq!(last.contracts[..2], after.contracts);
    // What is no longer in force is kept.
    let old = subject.kept(before.contracts[1].version).await.expect("an old version");
    assert!(is(&old, &contract("b", 10)));
}

/// Under the number that it had, and with a new revision, so that everybody notices.
pub async fn an_older_version_is_put_back_in_force(subject: &Subject) {
    let (old, new) = (contract("a", 10), contract("a", 11));
    subject.put(&[&old]).await;
    let first = subject.in_force().await;
    subject.put(&[&new]).await;
    let second = subject.in_force().await;
    assert!(subject.put(&[&old]).await);
    let third = subject.in_force().await;
    assert_eq!(third.contracts, first.contracts);
    assert!(third.revision > second.revision);
}

/// Comments do not count.
pub async fn a_tidied_text_is_no_new_version(subject: &Subject) {
    let one = contract("a", 10);
    subject.put(&[&one]).await;
    let before = subject.in_force().await;
    let text = format!("# A comment.\n{}", one.source());
    let tidied = Arc::new(Contract::parse("suite.toml", &text).expect("a contract"));
    assert!(!subject.put(&[&tidied]).await);
    assert_eq!(subject.in_force().await, before);
}

/// The next event has the new one; what was accepted before keeps its own, through retries.
pub async fn a_delivery_keeps_the_version_that_it_was_accepted_with(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    subject.put(&[&contract(CONTRACT.0, 10)]).await;
    let old = subject.version_of(CONTRACT.0).await;
    let claimed = subject.in_flight(&tenant).await;
    assert_eq!(claimed.contract_version, Some(old));
    let waiting = subject.schedule(&tenant, 1).await;

    subject.put(&[&contract(CONTRACT.0, 11)]).await;
    let new = subject.version_of(CONTRACT.0).await;
    assert_ne!(new, old);
    assert_eq!(subject.accepted_with(&tenant).await, Some(new));
    subject.settle(retry(&claimed, Duration::ZERO)).await;
    for id in ids(&subject.feed(10).await) {
        assert!(id == claimed.id || waiting.contains(&id));
        assert_eq!(subject.claim_one(id).await.contract_version, Some(old));
    }
}

/// In place of its tenant's, from when it takes it on until it goes back.
pub async fn an_endpoints_own_contract_makes_its_bodies(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    subject.put(&[&contract(CONTRACT.0, 10), &contract("other", 10)]).await;
    let tenants = Some(subject.version_of(CONTRACT.0).await);
    assert_eq!(subject.accepted_with(&tenant).await, tenants);
    let own = |name: Option<&str>| EndpointPatch {
        contract: Some(name.map(str::to_owned)),
        ..EndpointPatch::default()
    };
    subject.patch(&tenant, &endpoint, own(Some("other"))).await;
    let others = Some(subject.version_of("other").await);
    assert_eq!(subject.accepted_with(&tenant).await, others);

    subject.put(&[&contract("other", 11)]).await;
    let changed = Some(subject.version_of("other").await);
    assert_ne!(changed, others);
    assert_eq!(subject.accepted_with(&tenant).await, changed);
    subject.patch(&tenant, &endpoint, own(None)).await;
    assert_eq!(subject.accepted_with(&tenant).await, tenants);
}

/// Until it is put in force.
pub async fn a_contract_that_the_store_does_not_know_has_no_version(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    subject.accept_one(event(&tenant)).await;
    assert_eq!(subject.accepted_with(&tenant).await, None);
    subject.put(&[&contract("other", 10)]).await;
    assert_eq!(subject.accepted_with(&tenant).await, None);
    subject.put(&[&contract(CONTRACT.0, 10)]).await;
    let version = subject.version_of(CONTRACT.0).await;
    assert_eq!(subject.accepted_with(&tenant).await, Some(version));
}

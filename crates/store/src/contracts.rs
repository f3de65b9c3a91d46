//! Contracts: which version of each is in force, and every version that there ever was.
//!
//! The store is where the processes agree: what one puts in force, from its files, all of them follow.
//! How a process keeps up is in `contract_book`; what a contract says is crate `contract`'s business.

use crate::error::StoreError;
use async_trait::async_trait;
use postrider_common::contract_version::ContractVersion;
use postrider_contract::{Contract, ContractDigest};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One version of a contract, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptContract {
    /// The number that deliveries refer to it by.
    pub version: ContractVersion,
    /// The contract's name.
    pub name: String,
    /// What names the version outside.
    pub digest: ContractDigest,
    /// The text of its file.
    pub source: String,
}

/// The contracts in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InForce {
    /// Rises with every change of what is in force.
    pub revision: i64,
    /// The version of each contract, by name.
    pub contracts: Vec<KeptContract>,
}

/// Contracts and their versions.
#[async_trait]
pub trait ContractVersions: Send + Sync {
    /// Puts contracts in force, each in place of whatever version of its name was. Texts that are new
    /// are kept for good, and the tenants that are concerned are marked as changed, so that
    /// accepting notices. Gives whether anything changed; doing it twice changes nothing.
    async fn contracts_put(&self, contracts: &[Arc<Contract>]) -> Result<bool, StoreError>;

    /// What [`InForce::revision`] is now; cheap enough to ask every second.
    async fn contracts_revision(&self) -> Result<i64, StoreError>;

    /// The contracts in force, in order of their names.
    async fn contracts_in_force(&self) -> Result<InForce, StoreError>;

    /// One version, whether it is in force or not.
    async fn contract_version(
        &self,
        version: ContractVersion,
    ) -> Result<Option<KeptContract>, StoreError>;
}

/// The contracts in order of their names, of each name the last that is given.
pub(crate) fn by_name(contracts: &[Arc<Contract>]) -> BTreeMap<&str, &Contract> {
    contracts.iter().map(|contract| (contract.name(), contract.as_ref())).collect()
}

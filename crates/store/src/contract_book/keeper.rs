//! One round of keeping up: look into the folder, put in force what is new there, follow the database.
//!
//! The database says what is in force; the folder is only a way to put something in force. So a file that
//! is broken or gone changes nothing, and a file counts when it changes, not because it is there:
//! processes whose folders differ for a while do not undo each other's work again and again.

use super::Shared;
use crate::contracts::KeptContract;
use crate::error::StoreError;
use postrider_common::contract_version::ContractVersion;
use postrider_common::contracts::{ContractsConfig, ContractsFolder, OwnContracts};
use postrider_common::service::chain;
use postrider_contract::{Contract, ContractError, Contracts};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

/// What one process has done to keep up.
#[derive(Default)]
pub(super) struct Keeper {
    folder: Arc<Mutex<ContractsFolder>>,
    is_configured: bool,
    own: OwnContracts,
    /// What this process brings and has not put in force yet.
    to_put: Vec<Arc<Contract>>,
    /// As of the last time that the contracts in force were read.
    revision: Option<i64>,
    failing: bool,
    /// What cannot be read, and is in the log.
    unreadable: HashSet<ContractVersion>,
}

impl Keeper {
    pub(super) fn new(config: &ContractsConfig) -> Self {
        let folder = ContractsFolder::new(config);
        Self {
            is_configured: folder.is_configured(),
            folder: Arc::new(Mutex::new(folder)),
            to_put: Contracts::built_in().iter().cloned().collect(),
            ..Self::default()
        }
    }

    /// Looks into the folder on this thread, which waits for the disk.
    pub(super) fn look_now(&mut self, shared: &Shared) {
        let own = look(&self.folder);
        self.take(own, shared);
    }

    /// Keeps up once. Of a row of failures the first is logged.
    pub(super) async fn round(&mut self, shared: &Shared) -> Result<(), StoreError> {
        self.look(shared).await;
        let result = self.agree(shared).await;
        match &result {
            Err(error) if !self.failing => {
                let error = chain(error);
                tracing::warn!(error, "the contracts in force are not known; will try again");
            }
            Ok(()) if self.failing => tracing::info!("the contracts in force are known again"),
            _ => {}
        }
        self.failing = result.is_err();
        result
    }

    async fn look(&mut self, shared: &Shared) {
        if !self.is_configured {
            return;
        }
        let folder = Arc::clone(&self.folder);
        match tokio::task::spawn_blocking(move || look(&folder)).await {
            Ok(own) => self.take(own, shared),
            Err(error) => tracing::error!(%error, "the contracts' folder was not read"),
        }
    }

    /// Takes in what stands in the folder: what has changed is to be put in force.
    fn take(&mut self, own: OwnContracts, shared: &Shared) {
        for refused in own.refused.iter().filter(|one| !self.own.refused.contains(one)) {
            refused.errors.iter().for_each(log_refused);
        }
        let stood = |one: &Arc<Contract>| self.own.contracts.iter().any(|old| is_same(old, one));
        let changed: Vec<_> = own.contracts.iter().filter(|one| !stood(one)).cloned().collect();
        for contract in changed {
            tracing::info!(contract = contract.name(), digest = %contract.digest(), "read a contract");
            self.to_put.retain(|one| one.name() != contract.name());
            self.to_put.push(contract);
        }
        shared.measured.refused.set(i64::try_from(own.refused.len()).unwrap_or(i64::MAX));
        self.own = own;
        if self.revision.is_none() {
            // As long as the database has not said what is in force, what is here has to do.
            shared.know(self.own.contracts.clone());
        }
    }

    /// Puts in force what is new here, and reads what is in force if that has changed.
    async fn agree(&mut self, shared: &Shared) -> Result<(), StoreError> {
        match self.put(shared).await {
            // What the database takes from others counts here, too.
            Err(error) if !error.is_unavailable() => self.follow(shared).await.and(Err(error)),
            Err(error) => Err(error),
            Ok(()) => self.follow(shared).await,
        }
    }

    async fn follow(&mut self, shared: &Shared) -> Result<(), StoreError> {
        let revision = shared.store.contracts_revision().await?;
        if self.revision == Some(revision) {
            return Ok(());
        }
        if self.revision.is_some_and(|known| revision < known) {
            tracing::warn!(
                "the database was put back to an earlier state: all contracts are put anew"
            );
            shared.forget_versions();
            self.to_put =
                Contracts::built_in().iter().chain(&self.own.contracts).cloned().collect();
            self.put(shared).await?;
        }
        let in_force = shared.store.contracts_in_force().await?;
        let mut versions = Vec::with_capacity(in_force.contracts.len());
        for kept in &in_force.contracts {
            // What cannot be read leaves what was known; why it cannot is in the log.
            versions.extend(self.contract_of(kept, shared).ok());
        }
        shared.know(versions);
        self.revision = Some(in_force.revision);
        Ok(())
    }

    async fn put(&mut self, shared: &Shared) -> Result<(), StoreError> {
        if self.to_put.is_empty() {
            return Ok(());
        }
        if shared.store.contracts_put(&self.to_put).await? {
            let names: Vec<_> = self.to_put.iter().map(|contract| contract.name()).collect();
            tracing::info!(contracts = names.join(", "), "contracts were put in force");
        }
        self.to_put.clear();
        Ok(())
    }

    /// The contract of a kept text: one that is at hand if it says the same.
    pub(super) fn contract_of(
        &mut self,
        kept: &KeptContract,
        shared: &Shared,
    ) -> Result<Arc<Contract>, StoreError> {
        if let Some(known) = shared.version(kept.version) {
            return Ok(known);
        }
        let contract = match self.at_hand(kept, shared) {
            Some(same) => same,
            None => Arc::new(self.parse(kept)?),
        };
        shared.remember(kept.version, &contract);
        Ok(contract)
    }

    /// A contract that was read already and says the same.
    fn at_hand(&self, kept: &KeptContract, shared: &Shared) -> Option<Arc<Contract>> {
        let (known, built_in) = (shared.known.borrow().contracts.clone(), Contracts::built_in());
        let mut all = known.iter().chain(&self.own.contracts).chain(built_in.iter());
        all.find(|one| one.name() == kept.name && one.digest() == kept.digest).cloned()
    }

    fn parse(&mut self, kept: &KeptContract) -> Result<Contract, StoreError> {
        let KeptContract { name, version, .. } = kept;
        let reason = match Contract::parse(name, &kept.source) {
            Ok(contract) if contract.name() == name => return Ok(contract),
            Ok(contract) => format!("it is called {}", contract.name()),
            Err(errors) => errors.to_string(),
        };
        if self.unreadable.insert(*version) {
            tracing::error!(
                contract = name,
                %version,
                reason,
                "a kept contract cannot be read, as if a newer release had written it"
            );
        }
        Err(StoreError::Unreadable { what: "contract" })
    }
}

fn look(folder: &Mutex<ContractsFolder>) -> OwnContracts {
    folder.lock().unwrap_or_else(PoisonError::into_inner).look()
}

fn is_same(one: &Contract, other: &Contract) -> bool {
    one.name() == other.name() && one.digest() == other.digest()
}

fn log_refused(error: &ContractError) {
    let ContractError { file, line, column, key, reason } = error;
    tracing::error!(
        file,
        line,
        column,
        key,
        reason,
        "a contract file is refused; what was in force stays in force"
    );
}

//! The contracts that exist, by name.

use crate::contract::Contract;
use std::sync::Arc;

/// All contracts that a tenant may have.
#[derive(Clone, Debug)]
pub struct Contracts(Arc<[Arc<Contract>]>);

impl Contracts {
    /// The contracts that ship built in.
    pub fn built_in() -> Self {
        Self([Arc::new(Contract::standard_webhooks())].into())
    }

    /// The contract of this name.
    pub fn get(&self, name: &str) -> Option<&Arc<Contract>> {
        self.0.iter().find(|contract| contract.name() == name)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Contract>> {
        self.0.iter()
    }

    /// The names that there are, for a message to whoever asked for another.
    pub fn names(&self) -> Vec<&str> {
        self.iter().map(|contract| contract.name()).collect()
    }
}

//! The contracts that exist, by name: those that ship built in, and an operator's own.

use crate::contract::{Contract, DEFAULT_CONTRACT};
use std::sync::{Arc, LazyLock};

/// The name of a built-in contract's file as in messages, and its text.
macro_rules! built_in {
    ($name:literal) => {
        (
            concat!("contracts/", $name, ".toml"),
            include_str!(concat!("../../../contracts/", $name, ".toml")),
        )
    };
}

/// File names and texts of the built-in contracts, in the order in which they are listed.
pub(crate) const BUILT_IN: [(&str, &str); 11] = [
    built_in!("standard-webhooks"),
    built_in!("svix"),
    built_in!("github"),
    built_in!("stripe"),
    built_in!("shopify"),
    built_in!("slack"),
    built_in!("patra"),
    built_in!("attribution"),
    built_in!("leads"),
    built_in!("cathcr"),
    built_in!("platform"),
];

/// All contracts that a tenant may have. Clones share them.
#[derive(Clone, Debug)]
pub struct Contracts(Arc<[Arc<Contract>]>);

/// Two contracts have one name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there are two contracts called {0}; the built-in ones keep their names")]
pub struct SameName(pub String);

impl Contracts {
    /// The contracts that ship built in.
    ///
    /// # Panics
    ///
    /// Never: their texts are constants that a test reads.
    pub fn built_in() -> Self {
        static ALL: LazyLock<Contracts> = LazyLock::new(|| {
            let parse = |(file, text): (&str, &str)| {
                #[expect(clippy::expect_used, reason = "constants, which a test reads")]
                let contract = Contract::parse(file, text).expect("a built-in contract is right");
                Arc::new(contract)
            };
            Contracts(BUILT_IN.into_iter().map(parse).collect())
        });
        ALL.clone()
    }

    /// These and an operator's own, which may not take another's name.
    pub fn with(&self, own: impl IntoIterator<Item = Contract>) -> Result<Self, SameName> {
        let mut all: Vec<_> = self.iter().cloned().collect();
        for contract in own {
            if all.iter().any(|one| one.name() == contract.name()) {
                return Err(SameName(contract.name().to_owned()));
            }
            all.push(Arc::new(contract));
        }
        Ok(Self(all.into()))
    }

    /// These, with other versions in the places of those that they share a name with, and what is new
    /// after them.
    #[must_use]
    pub fn with_versions(&self, versions: impl IntoIterator<Item = Arc<Contract>>) -> Self {
        let mut all: Vec<_> = self.iter().cloned().collect();
        for version in versions {
            match all.iter_mut().find(|one| one.name() == version.name()) {
                Some(one) => *one = version,
                None => all.push(version),
            }
        }
        Self(all.into())
    }

    /// The contract of this name.
    pub fn get(&self, name: &str) -> Option<&Arc<Contract>> {
        self.iter().find(|contract| contract.name() == name)
    }

    /// All of them, the built-in ones first.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Contract>> {
        self.0.iter()
    }

    /// The names that there are, for a message to whoever asked for another.
    pub fn names(&self) -> Vec<&str> {
        self.iter().map(|contract| contract.name()).collect()
    }

    /// The contract of a tenant that names none, [`DEFAULT_CONTRACT`].
    ///
    /// # Panics
    ///
    /// Never: it is built in.
    pub fn default_contract(&self) -> &Arc<Contract> {
        #[expect(clippy::expect_used, reason = "it is built in, and cannot be taken out")]
        self.get(DEFAULT_CONTRACT).expect("the default contract is built in")
    }
}

//! The contracts as one process knows them: those in force, and the versions that deliveries refer to.
//!
//! It keeps up by itself while [`keep_current`](ContractBook::keep_current) runs: it puts in force what
//! this process brings (the built-in ones, and the operator's own), and follows what others do. The
//! folder is read by `common::contracts`; `keeper` has one round of it.

mod keeper;

use crate::SharedStore;
use crate::error::StoreError;
use futures::FutureExt as _;
use keeper::Keeper;
use postrider_common::contract_version::ContractVersion;
use postrider_common::contracts::ContractsConfig;
use postrider_common::metrics::{Gauge, Metrics};
use postrider_contract::{Contract, Contracts};
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::{Mutex, watch};

/// Between two looks at the folder and at the database.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long a start waits for the database to say what is in force.
const START_WITHIN: Duration = Duration::from_secs(2);

/// The contracts as one process knows them. Clones share them.
#[derive(Clone)]
pub struct ContractBook(Arc<Shared>);

/// What a process knows of the contracts in force.
#[derive(Clone, Debug)]
pub struct KnownContracts {
    /// The contracts.
    pub contracts: Contracts,
    /// Rises with every change of them, as this process noticed them.
    pub generation: u64,
}

struct Shared {
    store: SharedStore,
    known: watch::Sender<KnownContracts>,
    /// Every version that was ever needed here. None ever changes, and there are few.
    versions: RwLock<HashMap<ContractVersion, Arc<Contract>>>,
    /// Held for one round of keeping up.
    keeper: Mutex<Keeper>,
    /// Held by whoever keeps up, of several that were told to.
    turn: Mutex<()>,
    measured: BookMetrics,
}

struct BookMetrics {
    in_force: Gauge,
    refused: Gauge,
}

impl ContractBook {
    /// A book that knows the built-in contracts and the operator's own, which it reads at once, until it
    /// has asked the database.
    pub fn new(store: SharedStore, config: &ContractsConfig, metrics: &Metrics) -> Self {
        let known = KnownContracts { contracts: Contracts::built_in(), generation: 0 };
        let shared = Shared {
            store,
            known: watch::Sender::new(known),
            versions: RwLock::default(),
            keeper: Mutex::default(),
            turn: Mutex::default(),
            measured: BookMetrics::register(metrics),
        };
        let mut keeper = Keeper::new(config);
        keeper.look_now(&shared);
        Self(Arc::new(Shared { keeper: Mutex::new(keeper), ..shared }))
    }

    /// The contracts in force, as of the last look.
    pub fn contracts(&self) -> Contracts {
        self.0.known.borrow().contracts.clone()
    }

    /// Changes whenever the contracts in force do.
    pub fn watch(&self) -> watch::Receiver<KnownContracts> {
        self.0.known.subscribe()
    }

    /// What [`KnownContracts::generation`] is now.
    pub fn generation(&self) -> u64 {
        self.0.known.borrow().generation
    }

    /// The contract of this name that is in force. One that is not known is looked for at once: another
    /// process may have put it in force a moment ago, or a file may just have been written.
    pub async fn find(&self, name: &str) -> Option<Arc<Contract>> {
        if let Some(known) = self.contracts().get(name) {
            return Some(Arc::clone(known));
        }
        // What cannot be asked is not known; why it cannot is in the log.
        let _ = self.refresh().await;
        self.contracts().get(name).cloned()
    }

    /// The version that a delivery's body is made by, whether it is in force or not; `None` when the
    /// store has no such version.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unreadable`] for a version that this release cannot read.
    pub async fn version(
        &self,
        version: ContractVersion,
    ) -> Result<Option<Arc<Contract>>, StoreError> {
        if let Some(known) = self.0.version(version) {
            return Ok(Some(known));
        }
        let mut keeper = self.0.keeper.lock().await;
        // It may have come into force since the last look: headers are to be as new as the body.
        let _ = keeper.round(&self.0).await;
        if let Some(known) = self.0.version(version) {
            return Ok(Some(known));
        }
        let Some(kept) = self.0.store.contract_version(version).await? else { return Ok(None) };
        Ok(Some(keeper.contract_of(&kept, &self.0)?))
    }

    /// Keeps up once, now: puts in force what is new in this process, and reads what is in force.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        self.0.keeper.lock().await.round(&self.0).await
    }

    /// The same before a service takes up its work, but for no longer than a start may be held up: with
    /// a database that is away it begins with what it knows.
    pub async fn refresh_at_start(&self) {
        // Failures are in the log.
        let _ = tokio::time::timeout(START_WITHIN, self.refresh()).await;
    }

    /// Keeps up again and again. Never ends. Of several that are told to in one process, one does.
    pub async fn keep_current(self) {
        let _turn = self.0.turn.lock().await;
        loop {
            if AssertUnwindSafe(self.refresh()).catch_unwind().await.is_err() {
                tracing::error!("keeping up with the contracts panicked; will try again");
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

impl Shared {
    fn version(&self, version: ContractVersion) -> Option<Arc<Contract>> {
        let versions = self.versions.read().unwrap_or_else(PoisonError::into_inner);
        versions.get(&version).cloned()
    }

    fn remember(&self, version: ContractVersion, contract: &Arc<Contract>) {
        let mut versions = self.versions.write().unwrap_or_else(PoisonError::into_inner);
        versions.insert(version, Arc::clone(contract));
    }

    /// Forgets which number is which version, when the database is another one.
    fn forget_versions(&self) {
        self.versions.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Works by these versions from now on, and as before by contracts of other names.
    fn know(&self, versions: Vec<Arc<Contract>>) {
        self.known.send_if_modified(|known| {
            let is_known = |one: &Arc<Contract>| {
                known.contracts.get(one.name()).is_some_and(|known| known.digest() == one.digest())
            };
            if versions.iter().all(is_known) {
                return false;
            }
            known.contracts = known.contracts.with_versions(versions);
            known.generation += 1;
            true
        });
        let count = self.known.borrow().contracts.iter().count();
        self.measured.in_force.set(i64::try_from(count).unwrap_or(i64::MAX));
    }
}

impl BookMetrics {
    fn register(metrics: &Metrics) -> Self {
        Self {
            in_force: metrics.register(
                "contracts_in_force",
                "Contracts that this process works by",
                Gauge::default(),
            ),
            refused: metrics.register(
                "contracts_refused_files",
                "Files in the folder of own contracts that cannot be used",
                Gauge::default(),
            ),
        }
    }
}

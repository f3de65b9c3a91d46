//! What the handlers share: the store, the guard, the contracts, the keys.

use crate::auth::KeyCache;
use crate::config::Settings;
use crate::cursor::CursorKey;
use crate::error::ApiError;
use postrider_common::config::AdminKey;
use postrider_common::seal::Keyring;
use postrider_common::tenant::TenantScope;
use postrider_contract::Contract;
use postrider_egress::{Guard, SourceList};
use postrider_store::{ContractBook, SharedStore};
use std::sync::Arc;

/// What the handlers share.
pub(crate) struct App {
    pub(crate) store: SharedStore,
    pub(crate) guard: Guard,
    pub(crate) contracts: ContractBook,
    pub(crate) keyring: Keyring,
    pub(crate) admin_key: AdminKey,
    pub(crate) api_keys: KeyCache,
    pub(crate) cursors: CursorKey,
    pub(crate) max_endpoints: u32,
    pub(crate) egress_ips: SourceList,
}

impl App {
    pub(crate) fn new(
        settings: Settings,
        store: SharedStore,
        guard: Guard,
        contracts: ContractBook,
    ) -> Self {
        let Settings { admin_key, keyring, customers, grace: _ } = settings;
        Self {
            store,
            guard,
            contracts,
            keyring,
            cursors: CursorKey::derive(&admin_key),
            admin_key,
            api_keys: KeyCache::new(),
            max_endpoints: customers.max_endpoints,
            egress_ips: customers.egress_ips,
        }
    }

    /// The contract of this name, which a stored row refers to. Another process may have put it in force
    /// a moment ago; then it is known here in a moment, too.
    pub(crate) fn contract(&self, name: &str) -> Result<Arc<Contract>, ApiError> {
        let contract = self.contracts.contracts().get(name).cloned();
        contract.ok_or(ApiError::UnknownContract)
    }

    /// The contract of the caller's tenant.
    pub(crate) async fn contract_of(&self, scope: &TenantScope) -> Result<Arc<Contract>, ApiError> {
        let tenant = self.store.tenant_get(scope.tenant()).await?;
        let name = tenant.ok_or(ApiError::NotFound("tenant"))?.contract;
        self.contracts.find(&name).await.ok_or(ApiError::UnknownContract)
    }
}

//! What the handlers share: the store, the guard, the contracts, the keys.

use crate::auth::KeyCache;
use crate::config::Settings;
use crate::cursor::CursorKey;
use crate::error::ApiError;
use postrider_common::config::AdminKey;
use postrider_common::seal::Keyring;
use postrider_common::tenant::TenantScope;
use postrider_contract::{Contract, Contracts};
use postrider_egress::Guard;
use postrider_store::SharedStore;

/// What the handlers share.
pub(crate) struct App {
    pub(crate) store: SharedStore,
    pub(crate) guard: Guard,
    pub(crate) contracts: Contracts,
    pub(crate) keyring: Keyring,
    pub(crate) admin_key: AdminKey,
    pub(crate) api_keys: KeyCache,
    pub(crate) cursors: CursorKey,
    pub(crate) max_endpoints: u32,
}

impl App {
    pub(crate) fn new(settings: Settings, store: SharedStore, guard: Guard) -> Self {
        let Settings { admin_key, keyring, max_endpoints, grace: _ } = settings;
        Self {
            store,
            guard,
            contracts: Contracts::built_in(),
            keyring,
            cursors: CursorKey::derive(&admin_key),
            admin_key,
            api_keys: KeyCache::new(),
            max_endpoints,
        }
    }

    /// The contract of this name, which a stored row refers to.
    pub(crate) fn contract(&self, name: &str) -> Result<&Contract, ApiError> {
        let contract = self.contracts.get(name).map(AsRef::as_ref);
        contract.ok_or(ApiError::Defect("a stored row names a contract that there is not"))
    }

    /// The contract of the caller's tenant.
    pub(crate) async fn contract_of(&self, scope: &TenantScope) -> Result<&Contract, ApiError> {
        let tenant = self.store.tenant_get(scope.tenant()).await?;
        self.contract(&tenant.ok_or(ApiError::NotFound("tenant"))?.contract)
    }
}

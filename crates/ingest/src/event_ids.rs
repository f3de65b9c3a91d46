//! An event's id as its producer sees it: what the producer gave, or else ours in the form of the
//! tenant's contract.
//!
//! What the ids are inside is `common`'s business; how a contract writes them, crate `contract`'s.

use moka::future::Cache;
use postrider_common::event::GivenId;
use postrider_common::id::EventId;
use postrider_common::tenant::TenantId;
use postrider_contract::Contract;
use postrider_store::{ContractBook, SharedStore};
use std::sync::Arc;
use std::time::Duration;

/// Tenants whose contracts are kept in memory.
const CACHED_TENANTS: u64 = 10_000;
/// For how long: a new version of a contract may write ids in another way.
const KEPT: Duration = Duration::from_secs(10);

/// Writes events' ids. Clones share what they know.
#[derive(Clone)]
pub(crate) struct EventIds {
    store: SharedStore,
    contracts: ContractBook,
    cache: Cache<TenantId, Option<Arc<Contract>>>,
}

impl EventIds {
    pub(crate) fn new(store: SharedStore, contracts: ContractBook) -> Self {
        let cache = Cache::builder().max_capacity(CACHED_TENANTS).time_to_live(KEPT).build();
        Self { store, contracts, cache }
    }

    /// The id of a tenant's event. Should the contract not be found just now, it is the bare UUID,
    /// which every call accepts.
    pub(crate) async fn shown(
        &self,
        tenant: &TenantId,
        id: EventId,
        given_id: Option<GivenId>,
    ) -> String {
        if let Some(given) = given_id {
            return given.as_str().to_owned();
        }
        let contract = self.cache.get_with_by_ref(tenant, self.contract_of(tenant)).await;
        contract.map_or_else(|| id.to_string(), |contract| contract.ids().event(id.as_uuid()))
    }

    async fn contract_of(&self, tenant: &TenantId) -> Option<Arc<Contract>> {
        let tenant = self.store.tenant_get(tenant).await.ok()??;
        self.contracts.find(&tenant.contract).await
    }
}

//! Which endpoints want an event, and a cache of the endpoints per tenant.
//!
//! An adapter verifies inside the accepting transaction that what is cached is of the tenant's
//! current version, and reads anew what is not.

use super::QueueRoom;
use super::turns::{Place, Planned};
use moka::future::Cache;
use postrider_common::contract_version::ContractVersion;
use postrider_common::delivery::DeliveryState;
use postrider_common::event::EventType;
use postrider_common::id::EndpointId;
use postrider_common::tenant::TenantId;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Tenants whose endpoints are kept in memory.
const CACHED_TENANTS: u64 = 10_000;

/// The endpoints of the tenants that published last.
#[derive(Clone, Debug)]
pub(crate) struct MatchingCache(Cache<TenantId, Arc<TenantEndpoints>>);

impl Default for MatchingCache {
    fn default() -> Self {
        Self(Cache::new(CACHED_TENANTS))
    }
}

impl MatchingCache {
    /// A tenant's endpoints, if those of this version are kept.
    pub(crate) async fn get(
        &self,
        tenant: &TenantId,
        version: i64,
    ) -> Option<Arc<TenantEndpoints>> {
        self.0.get(tenant).await.filter(|cached| cached.version == version)
    }

    /// Keeps a tenant's endpoints.
    pub(crate) async fn put(&self, tenant: TenantId, endpoints: Arc<TenantEndpoints>) {
        self.0.insert(tenant, endpoints).await;
    }
}

/// A tenant's endpoints as of one version.
#[derive(Debug)]
pub(crate) struct TenantEndpoints {
    pub(crate) version: i64,
    pub(crate) endpoints: Vec<Candidate>,
}

/// What the accepting transaction found of the tenants of its batch.
#[derive(Debug, Default)]
pub(crate) struct Recipients {
    /// Their endpoints; a tenant that does not exist is absent.
    tenants: HashMap<TenantId, Arc<TenantEndpoints>>,
    /// Of these what is accepted goes out by the feeder.
    backlogged: HashSet<EndpointId>,
}

/// What matching knows of an endpoint.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub(crate) id: EndpointId,
    pub(crate) events: Vec<String>,
    pub(crate) on: bool,
    /// Its deliveries of one ordering key go one after the other.
    pub(crate) ordered: bool,
    /// The version in force of its contract, if the store knows the contract.
    pub(crate) contract_version: Option<ContractVersion>,
}

/// An endpoint that wants an event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanting {
    pub(crate) endpoint: EndpointId,
    /// False while it is paused or switched off: its delivery is held.
    pub(crate) on: bool,
    /// Its deliveries of one ordering key go one after the other.
    pub(crate) ordered: bool,
    /// Others wait for it that nothing is to overtake.
    pub(crate) backlogged: bool,
    /// What the body is made by.
    pub(crate) contract_version: Option<ContractVersion>,
}

impl Recipients {
    /// Adds a tenant.
    pub(crate) fn add(&mut self, tenant: TenantId, endpoints: Arc<TenantEndpoints>) {
        self.tenants.insert(tenant, endpoints);
    }

    /// Adds endpoints that are backlogged.
    pub(crate) fn add_backlogged(&mut self, endpoints: impl IntoIterator<Item = EndpointId>) {
        self.backlogged.extend(endpoints);
    }

    /// Whether there is such a tenant.
    pub(crate) fn knows(&self, tenant: &TenantId) -> bool {
        self.tenants.contains_key(tenant)
    }

    /// The endpoints of a tenant that want an event of this type.
    pub(crate) fn wanting(&self, tenant: &TenantId, event_type: &EventType) -> Vec<Wanting> {
        let wants = |candidate: &&Candidate| {
            candidate.events.iter().any(|name| name == "*" || name == event_type.as_str())
        };
        let wanting = |candidate: &Candidate| Wanting {
            endpoint: candidate.id,
            on: candidate.on,
            ordered: candidate.ordered,
            backlogged: self.backlogged.contains(&candidate.id),
            contract_version: candidate.contract_version,
        };
        let endpoints = self.tenants.get(tenant).into_iter().flat_map(|known| &known.endpoints);
        endpoints.filter(wants).map(wanting).collect()
    }
}

/// The state that a delivery begins in; a queued one takes its place in the room. What is to be delivered
/// at a certain time waits for the feeder, even if that time is past, and so does what others are waiting
/// before.
pub(crate) fn first_state(
    planned: &Planned<'_>,
    place: Option<Place<'_>>,
    room: &mut QueueRoom,
) -> DeliveryState {
    let event = planned.event;
    let left = room.of(&event.tenant);
    if place.is_some_and(|place| !place.is_head) {
        return DeliveryState::Waiting;
    }
    if !planned.wanting.on {
        return DeliveryState::Held;
    }
    if left == 0 || event.deliver_at.is_some() || planned.wanting.backlogged {
        return DeliveryState::Scheduled;
    }
    room.by_tenant.insert(event.tenant.clone(), left - 1);
    DeliveryState::Queued
}

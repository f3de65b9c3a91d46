//! How many deliveries may still be handed to the broker: one tenant must not fill its queues.
//!
//! *Theory of operation.* Each tenant counts down from [`ROOM_PER_TENANT`]. Only when its events would
//! pass what is left is the store asked how many of its deliveries are unclaimed in truth. What has
//! no room is accepted as `scheduled`, and the dispatchers' feeder hands it out, tenants in turn.

use futures::stream::{self, StreamExt as _};
use postrider_common::tenant::TenantId;
use postrider_store::{Acceptance, NewEvent, QueueRoom, QueuedDelivery};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Deliveries of one tenant that a process hands to the broker before a dispatcher claims them.
pub const ROOM_PER_TENANT: u32 = 1000;

/// How long an answer of the store's is good for: a tenant without room is not asked about on every
/// batch.
const ASK_INTERVAL: Duration = Duration::from_millis(10);
/// Tenants that are asked about for one batch; others wait for a later one.
const ASKS_PER_BATCH: usize = 8;
/// Tenants that are remembered; beyond that all are forgotten, as if the process had just started.
const MAX_TENANTS: usize = 100_000;

/// The room that each tenant has. It is exact as long as one batch at a time uses it.
pub struct Room {
    store: Arc<dyn Acceptance>,
    tenants: Mutex<HashMap<TenantId, Left>>,
}

#[derive(Clone, Copy)]
struct Left {
    deliveries: u32,
    asked_at: Option<Instant>,
}

impl Room {
    /// All the room for every tenant.
    pub fn new(store: Arc<dyn Acceptance>) -> Self {
        Self { store, tenants: Mutex::default() }
    }

    /// What each tenant of a batch may queue at `now`. A store that does not answer leaves what was
    /// left.
    pub async fn for_batch(&self, events: &[NewEvent], now: Instant) -> QueueRoom {
        let mut counts: HashMap<&TenantId, u32> = HashMap::new();
        for event in events {
            *counts.entry(&event.tenant).or_default() += 1;
        }
        for (tenant, queued) in self.ask(self.short_of_room(&counts, now)).await {
            let deliveries = ROOM_PER_TENANT.saturating_sub(queued);
            let left = Left { deliveries, asked_at: Some(now) };
            self.tenants().insert(tenant, left);
        }
        let tenants = self.tenants();
        let by_tenant = counts.into_keys().map(|tenant| {
            let left = tenants.get(tenant).map_or(ROOM_PER_TENANT, |left| left.deliveries);
            (tenant.clone(), usize::try_from(left).unwrap_or(usize::MAX))
        });
        QueueRoom { default: 0, by_tenant: by_tenant.collect() }
    }

    /// Counts what a batch has queued.
    pub fn took(&self, queued: &[QueuedDelivery]) {
        let mut tenants = self.tenants();
        for delivery in queued {
            if let Some(left) = tenants.get_mut(&delivery.tenant) {
                left.deliveries = left.deliveries.saturating_sub(1);
                continue;
            }
            if tenants.len() >= MAX_TENANTS {
                tenants.clear();
            }
            let left = Left { deliveries: ROOM_PER_TENANT - 1, asked_at: None };
            tenants.insert(delivery.tenant.clone(), left);
        }
    }

    fn short_of_room(&self, counts: &HashMap<&TenantId, u32>, now: Instant) -> Vec<TenantId> {
        let tenants = self.tenants();
        let short = counts.iter().filter(|(tenant, count)| {
            tenants.get(**tenant).is_some_and(|left| {
                let stale = left.asked_at.is_none_or(|at| now.duration_since(at) >= ASK_INTERVAL);
                left.deliveries < **count && stale
            })
        });
        short.map(|(tenant, _)| (*tenant).clone()).take(ASKS_PER_BATCH).collect()
    }

    async fn ask(&self, tenants: Vec<TenantId>) -> Vec<(TenantId, u32)> {
        let answers = stream::iter(tenants).map(|tenant| async move {
            let queued = self.store.deliveries_queued(&tenant, ROOM_PER_TENANT).await;
            queued.ok().map(|queued| (tenant, queued))
        });
        answers.buffer_unordered(ASKS_PER_BATCH).filter_map(std::future::ready).collect().await
    }

    fn tenants(&self) -> MutexGuard<'_, HashMap<TenantId, Left>> {
        // Counts are whole after every statement, so a panic elsewhere spoils nothing.
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Room {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Room").finish_non_exhaustive()
    }
}

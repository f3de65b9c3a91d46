//! Slots: a delivery's permit to be in flight, taken before it is claimed.
//!
//! *Motivation.* One slow endpoint must not delay the others, so each may hold only so many slots; one
//! tenant must not delay the others, however many slow endpoints it has, so each may hold only half of all;
//! a storm of retries must not starve new events, so retries may hold only half of all, and one tenant's
//! half of that.
//!
//! *Theory of operation.* A delivery first waits for its part of what its endpoint, its tenant and, if it is a
//! retry, all retries may hold: not for long and not in a long queue. Past either bound it is refused, gives
//! back what it had by then, and goes back to the store's schedule. Only then does it wait for a slot of
//! the process, which no tenant can hold for itself. An endpoint's part is free as soon as it has
//! answered: what is left to do is ours, and the next request need not wait for our database. The rest
//! stays taken until that is done, so that what a crash repeats is bounded.

mod shares;
mod turnover;

use crate::config::Limits;
use postrider_broker::WorkItem;
use postrider_common::id::EndpointId;
use postrider_common::tenant::TenantId;
use postrider_store::WorkQueue;
use shares::{Full, Part, Shares, Terms, permit};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use turnover::{Counted, Turnover};

/// How long a delivery waits for a slot of its endpoint, and for one of the retries' half.
const WAIT: Duration = Duration::from_millis(250);
/// How many deliveries of an endpoint may wait, as a multiple of its cap: more than an ingest sends
/// at once, since a refusal costs the endpoint a pause.
const WAITING_PER_SLOT: usize = 16;
/// How many times over an endpoint gives its slots back, within the time that a delivery waits for one, for
/// more of its deliveries to be under way than it has slots.
const QUICK: u32 = 2;
/// How many more at most, as a multiple of its cap.
const AHEAD: u32 = 3;
/// How long a delivery waits for a slot of its tenant: long enough for a burst to so many endpoints that
/// none of them is over its own cap.
const TENANTS_WAIT: Duration = Duration::from_secs(1);
/// How many deliveries of a tenant may wait, as a multiple of its share.
const WAITING_PER_TENANTS_SLOT: usize = 4;

/// All slots of a process.
#[derive(Debug)]
pub(crate) struct Slots {
    all: Arc<Semaphore>,
    endpoint_cap: u32,
    retries: Arc<Semaphore>,
    endpoints: Shares<EndpointId>,
    turnover: Turnover,
    tenants: Shares<TenantId>,
    /// Of the retries' half.
    retrying: Shares<TenantId>,
}

/// A permit to be in flight; dropped, it is free again.
#[derive(Debug)]
pub(crate) struct Slot {
    _endpoint: (Part, Counted),
    rest: Answered,
}

/// What is left of a slot once the endpoint has answered.
#[derive(Debug)]
pub(crate) struct Answered {
    _parts: Parts,
    _process: OwnedSemaphorePermit,
}

/// What a delivery holds of what its tenant and all retries may hold.
#[derive(Debug)]
struct Parts {
    _retry: Option<(Part, OwnedSemaphorePermit)>,
    _tenant: Part,
}

impl Slot {
    /// Frees the endpoint's part.
    pub(crate) fn answered(self) -> Answered {
        self.rest
    }
}

/// Who has as many deliveries in flight and waiting as it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OverCap {
    /// The endpoint itself.
    Endpoint,
    /// The tenant, or all retries, whatever the endpoint has.
    Share,
}

impl Slots {
    pub(crate) fn new(limits: Limits) -> Self {
        let all = limits.max_in_flight as usize;
        let retries = all.div_ceil(2);
        let per_endpoint = limits.endpoint_in_flight as usize;
        let may_wait = per_endpoint * WAITING_PER_SLOT;
        let of_endpoint = Terms { each: per_endpoint, may_wait, wait: WAIT };
        let half = |of: usize| {
            let each = of.div_ceil(2);
            let may_wait = each * WAITING_PER_TENANTS_SLOT;
            Shares::new(Terms { each, may_wait, wait: TENANTS_WAIT })
        };
        Self {
            all: Arc::new(Semaphore::new(all)),
            endpoint_cap: limits.endpoint_in_flight,
            retries: Arc::new(Semaphore::new(retries)),
            endpoints: Shares::new(of_endpoint),
            turnover: Turnover::default(),
            tenants: half(all),
            retrying: half(retries),
        }
    }

    /// Takes a slot for a delivery.
    pub(crate) async fn take(&self, item: &WorkItem, queue: WorkQueue) -> Result<Slot, OverCap> {
        let (endpoint, parts) = self.parts(item, queue).await?;
        let process = permit(&self.all).await.map_err(|Full| OverCap::Share)?;
        let rest = Answered { _parts: parts, _process: process };
        Ok(Slot { _endpoint: (endpoint, self.turnover.of(item.endpoint)), rest })
    }

    /// How many slots an endpoint has.
    pub(crate) fn taken(&self, endpoint: EndpointId) -> usize {
        self.endpoints.taken(&endpoint)
    }

    /// The endpoints that may have more deliveries under way than slots, and how many: what they give back
    /// in half of the time that the others wait. So none of these is refused, a database's round trip does
    /// not keep an endpoint idle, and one that is slow has no more than its cap.
    pub(crate) fn quick(&self) -> HashMap<EndpointId, u32> {
        let cap = self.endpoint_cap;
        let quick = |(_, recent): &(EndpointId, u32)| *recent >= QUICK * cap;
        let under_way =
            |(endpoint, recent): (EndpointId, u32)| (endpoint, cap + (recent / 2).min(AHEAD * cap));
        self.turnover.recent().into_iter().filter(quick).map(under_way).collect()
    }

    /// The retry's part comes first, so that no endpoint's is held by what waits for it; the tenant's last,
    /// so that it is not held by what waits for a slow endpoint.
    async fn parts(&self, item: &WorkItem, queue: WorkQueue) -> Result<(Part, Parts), OverCap> {
        let retry = match queue {
            WorkQueue::First => None,
            WorkQueue::Retry => {
                Some(self.retry(&item.tenant).await.map_err(|Full| OverCap::Share)?)
            }
        };
        let endpoint = self.endpoints.take(&item.endpoint).await;
        let endpoint = endpoint.map_err(|Full| OverCap::Endpoint)?;
        let tenant = self.tenants.take(&item.tenant).await.map_err(|Full| OverCap::Share)?;
        Ok((endpoint, Parts { _retry: retry, _tenant: tenant }))
    }

    async fn retry(&self, tenant: &TenantId) -> Result<(Part, OwnedSemaphorePermit), Full> {
        let of_tenant = self.retrying.take(tenant).await?;
        let of_all = timeout(WAIT, permit(&self.retries)).await;
        Ok((of_tenant, of_all.map_err(|_| Full)??))
    }
}

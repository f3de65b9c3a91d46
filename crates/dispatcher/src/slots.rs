//! Slots: a delivery's permit to be in flight, taken before it is claimed.
//!
//! *Motivation.* One slow endpoint must not delay the others, so each may hold only so many slots; a
//! storm of retries must not starve new events, so retries may hold only half of all.
//!
//! *Theory of operation.* A delivery first waits for a slot of its endpoint, not for long and not
//! in a long queue: past either bound it is refused, and goes back to the store's schedule. Only
//! then does it wait for a slot of the process, which fast endpoints free all the time. An endpoint's
//! part is free as soon as it has answered: what is left to do is ours, and the next request need not
//! wait for our database. The process's part stays taken until that is done, so that what a crash
//! repeats is bounded.

use crate::config::Limits;
use postrider_common::id::EndpointId;
use postrider_store::WorkQueue;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a delivery waits for a slot of its endpoint.
const WAIT: Duration = Duration::from_millis(250);
/// How many deliveries of an endpoint may wait, as a multiple of its cap: more than an ingest sends
/// at once, since a refusal costs the endpoint a pause.
const WAITING_PER_SLOT: usize = 16;

/// All slots of a process.
#[derive(Debug)]
pub(crate) struct Slots {
    all: Arc<Semaphore>,
    retries: Arc<Semaphore>,
    per_endpoint: usize,
    endpoints: Mutex<HashMap<EndpointId, Weak<EndpointSlots>>>,
}

#[derive(Debug)]
struct EndpointSlots {
    free: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// A permit to be in flight; dropped, it is free again.
#[derive(Debug)]
pub(crate) struct Slot {
    _endpoint: OwnedSemaphorePermit,
    retry: Option<OwnedSemaphorePermit>,
    process: OwnedSemaphorePermit,
    // Keeps the endpoint's entry alive for as long as one of its slots is held.
    _entry: Arc<EndpointSlots>,
}

/// What is left of a slot once the endpoint has answered.
#[derive(Debug)]
pub(crate) struct Answered {
    _retry: Option<OwnedSemaphorePermit>,
    _process: OwnedSemaphorePermit,
}

impl Slot {
    /// Frees the endpoint's part.
    pub(crate) fn answered(self) -> Answered {
        Answered { _retry: self.retry, _process: self.process }
    }
}

/// The endpoint has as many deliveries in flight and waiting as it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OverCap;

impl Slots {
    pub(crate) fn new(limits: Limits) -> Self {
        let all = limits.max_in_flight as usize;
        Self {
            all: Arc::new(Semaphore::new(all)),
            retries: Arc::new(Semaphore::new(all.div_ceil(2))),
            per_endpoint: limits.endpoint_in_flight as usize,
            endpoints: Mutex::default(),
        }
    }

    /// Takes a slot for a delivery to this endpoint.
    pub(crate) async fn take(
        &self,
        endpoint: EndpointId,
        queue: WorkQueue,
    ) -> Result<Slot, OverCap> {
        let entry = self.entry(endpoint);
        let of_endpoint = entry.take(self.per_endpoint * WAITING_PER_SLOT).await?;
        let retry = match queue {
            WorkQueue::First => None,
            WorkQueue::Retry => Some(permit(&self.retries).await?),
        };
        let process = permit(&self.all).await?;
        Ok(Slot { _endpoint: of_endpoint, retry, process, _entry: entry })
    }

    /// How many slots an endpoint has.
    pub(crate) fn taken(&self, endpoint: EndpointId) -> usize {
        let endpoints = self.endpoints.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = endpoints.get(&endpoint).and_then(Weak::upgrade);
        entry.map_or(0, |entry| self.per_endpoint.saturating_sub(entry.free.available_permits()))
    }

    fn entry(&self, endpoint: EndpointId) -> Arc<EndpointSlots> {
        let mut endpoints = self.endpoints.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = endpoints.get(&endpoint).and_then(Weak::upgrade) {
            return entry;
        }
        // Entries of idle endpoints go when the map would have to grow.
        if endpoints.len() == endpoints.capacity() {
            endpoints.retain(|_, entry| entry.strong_count() > 0);
        }
        let entry = Arc::new(EndpointSlots {
            free: Arc::new(Semaphore::new(self.per_endpoint)),
            waiting: AtomicUsize::new(0),
        });
        endpoints.insert(endpoint, Arc::downgrade(&entry));
        entry
    }
}

impl EndpointSlots {
    async fn take(&self, may_wait: usize) -> Result<OwnedSemaphorePermit, OverCap> {
        if let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() {
            return Ok(permit);
        }
        let _waiting = Waiting::enter(&self.waiting, may_wait)?;
        let wait = tokio::time::timeout(WAIT, permit(&self.free));
        wait.await.map_err(|_| OverCap)?
    }
}

/// The semaphores are never closed; a closed one would refuse.
async fn permit(semaphore: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, OverCap> {
    Arc::clone(semaphore).acquire_owned().await.map_err(|_| OverCap)
}

/// Counts one that waits, however its waiting ends.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn enter(count: &'a AtomicUsize, limit: usize) -> Result<Self, OverCap> {
        if count.fetch_add(1, Ordering::Relaxed) >= limit {
            count.fetch_sub(1, Ordering::Relaxed);
            return Err(OverCap);
        }
        Ok(Self(count))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

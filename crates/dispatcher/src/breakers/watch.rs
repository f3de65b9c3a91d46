//! How this dispatcher's latest attempts ended, by endpoint.

use postrider_common::breaker::Recent;
use postrider_common::id::{DeliveryId, EndpointId};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;

/// The latest attempts. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    /// What times are counted from.
    began: Instant,
    endpoints: Arc<Mutex<HashMap<EndpointId, Watched>>>,
}

#[derive(Debug)]
struct Watched {
    /// Of an endpoint that has changed, what was sent before says nothing.
    version: i64,
    recent: Recent,
}

impl Default for Watch {
    fn default() -> Self {
        Self { began: Instant::now(), endpoints: Arc::default() }
    }
}

impl Watch {
    /// Notes an attempt that ended now, to an endpoint as of this version. Gives whether the endpoint is
    /// down.
    pub(super) fn note(
        &self,
        endpoint: EndpointId,
        version: i64,
        delivery: DeliveryId,
        failed: bool,
    ) -> bool {
        let at = self.began.elapsed();
        let fresh = || Watched { version, recent: Recent::default() };
        let mut endpoints = self.lock();
        let watched = match endpoints.entry(endpoint) {
            Entry::Occupied(old) if old.get().version > version => return false,
            Entry::Occupied(old) if old.get().version == version => old.into_mut(),
            other => other.insert_entry(fresh()).into_mut(),
        };
        watched.recent.note(at, delivery, failed)
    }

    /// Begins anew with an endpoint.
    pub(super) fn forget(&self, endpoint: EndpointId) {
        self.lock().remove(&endpoint);
    }

    /// Forgets endpoints that nothing was sent to lately.
    pub(super) fn forget_what_is_quiet(&self) {
        let now = self.began.elapsed();
        self.lock().retain(|_, watched| !watched.recent.is_over(now));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<EndpointId, Watched>> {
        self.endpoints.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

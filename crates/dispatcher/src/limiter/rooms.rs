//! Which endpoints have no room, as far as this dispatcher knows: never the last word, which is the
//! store's, but what spares it questions and tells the feeder when to look.

use postrider_common::id::EndpointId;
use postrider_store::RateGrant;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// For how long it is relied on that an endpoint has no room; its limit may be another by then.
const RELIED_ON: Duration = Duration::from_millis(250);

/// The endpoints that have no room. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rooms(Arc<Mutex<HashMap<EndpointId, Full>>>);

/// An endpoint without room.
#[derive(Clone, Copy, Debug)]
struct Full {
    until: Instant,
    /// When there is room again.
    room_at: Instant,
}

impl Rooms {
    /// Notes what a question was granted that was asked and answered at these times, between which the
    /// store looked at its clock.
    pub(super) fn note(
        &self,
        endpoint: EndpointId,
        grant: &RateGrant,
        asked_at: Instant,
        learnt_at: Instant,
    ) {
        let mut endpoints = self.lock();
        if grant.room > 0 {
            endpoints.remove(&endpoint);
            return;
        }
        let until = asked_at + grant.more_in.min(RELIED_ON);
        endpoints.insert(endpoint, Full { until, room_at: learnt_at + grant.more_in });
    }

    pub(super) fn is_full(&self, endpoint: EndpointId) -> bool {
        self.lock().get(&endpoint).is_some_and(|full| Instant::now() < full.until)
    }

    /// How long it is until an endpoint has room again. Forgets those that have.
    pub(crate) fn next_room_in(&self) -> Option<Duration> {
        let (mut endpoints, now) = (self.lock(), Instant::now());
        endpoints.retain(|_, full| full.room_at > now);
        endpoints.values().map(|full| full.room_at - now).min()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<EndpointId, Full>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! Turnover: how many slots each endpoint has given back lately, which says how many of its deliveries may wait
//! for one without waiting in vain.

use super::WAIT;
use postrider_common::id::EndpointId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;

/// Counts in stretches of as long as a delivery waits for a slot of its endpoint. Clones share the counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Turnover(Arc<Mutex<HashMap<EndpointId, Counts>>>);

#[derive(Clone, Copy, Debug)]
struct Counts {
    began: Instant,
    this: u32,
    last: u32,
}

/// Counts when it is dropped.
#[derive(Debug)]
pub(super) struct Counted {
    endpoint: EndpointId,
    turnover: Turnover,
}

impl Turnover {
    /// What counts the end of a slot's use.
    pub(super) fn of(&self, endpoint: EndpointId) -> Counted {
        Counted { endpoint, turnover: self.clone() }
    }

    /// How many slots were given back in the last whole stretch, of those endpoints that gave any.
    pub(super) fn recent(&self) -> Vec<(EndpointId, u32)> {
        let (mut endpoints, now) = (self.lock(), Instant::now());
        endpoints.retain(|_, counts| {
            *counts = counts.at(now);
            counts.this + counts.last > 0
        });
        endpoints.iter().map(|(endpoint, counts)| (*endpoint, counts.last)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<EndpointId, Counts>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let (mut endpoints, now) = (self.turnover.lock(), Instant::now());
        let counts = endpoints.entry(self.endpoint).or_insert(Counts::begin(now));
        *counts = counts.at(now);
        counts.this = counts.this.saturating_add(1);
    }
}

impl Counts {
    fn begin(now: Instant) -> Self {
        Self { began: now, this: 0, last: 0 }
    }

    /// A new stretch begins when the old one is over.
    fn at(self, now: Instant) -> Self {
        match now.saturating_duration_since(self.began) {
            age if age >= WAIT * 2 => Self::begin(now),
            age if age >= WAIT => Self { began: self.began + WAIT, this: 0, last: self.this },
            _ => self,
        }
    }
}

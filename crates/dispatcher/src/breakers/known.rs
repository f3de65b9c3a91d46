//! Which breakers are not closed or only just, as far as this dispatcher knows: what the store said last,
//! and what was moved from here since.

use postrider_common::breaker::{BreakerState, ramp};
use postrider_common::id::EndpointId;
use postrider_store::Breaker;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;

/// The breakers that withhold something. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Known(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    breakers: HashMap<EndpointId, Standing>,
    moves: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// Open or half open.
    Open,
    Closed {
        at: Instant,
    },
}

impl Known {
    /// How many breakers were moved from here.
    pub(super) fn moves(&self) -> u64 {
        self.lock().moves
    }

    /// Takes what the store says, if nothing was moved from here since these `moves`, when it was asked.
    pub(super) fn learn(&self, moves: u64, breakers: &[Breaker]) -> bool {
        let mut inner = self.lock();
        if inner.moves != moves {
            return false;
        }
        let now = Instant::now();
        let standing = |breaker: &Breaker| match breaker.state {
            BreakerState::Open | BreakerState::HalfOpen => Standing::Open,
            BreakerState::Closed => {
                Standing::Closed { at: now.checked_sub(breaker.age).unwrap_or(now) }
            }
        };
        inner.breakers = breakers.iter().map(|one| (one.endpoint, standing(one))).collect();
        true
    }

    pub(super) fn opened(&self, endpoint: EndpointId) {
        self.set(endpoint, Standing::Open);
    }

    pub(super) fn closed(&self, endpoint: EndpointId) {
        self.set(endpoint, Standing::Closed { at: Instant::now() });
    }

    /// Whether an endpoint's breaker is open or half open.
    pub(super) fn is_open(&self, endpoint: EndpointId) -> bool {
        self.lock().breakers.get(&endpoint) == Some(&Standing::Open)
    }

    /// How many breakers are.
    pub(super) fn open(&self) -> usize {
        self.lock().breakers.values().filter(|standing| **standing == Standing::Open).count()
    }

    /// How many deliveries of an endpoint may be in flight, if its breaker has just closed.
    pub(super) fn ramp(&self, endpoint: EndpointId) -> Option<u32> {
        match self.lock().breakers.get(&endpoint)? {
            Standing::Open => None,
            Standing::Closed { at } => Some(ramp(at.elapsed(), u32::MAX)),
        }
    }

    fn set(&self, endpoint: EndpointId, standing: Standing) {
        let mut inner = self.lock();
        inner.moves += 1;
        inner.breakers.insert(endpoint, standing);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

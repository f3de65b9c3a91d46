//! Shares: how many slots each endpoint, or each tenant, may hold, and how many may wait for one.
//!
//! Entries are there for as long as somebody holds or awaits a part of them.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// How large shares are, and how one waits for a part of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// Parts of each share.
    pub(super) each: usize,
    /// How many may wait at a time.
    pub(super) may_wait: usize,
    /// How long one waits.
    pub(super) wait: Duration,
}

/// Equal shares, one for each that asks for a part of its own.
#[derive(Debug)]
pub(super) struct Shares<K> {
    terms: Terms,
    entries: Mutex<HashMap<K, Weak<Share>>>,
}

#[derive(Debug)]
struct Share {
    free: Arc<Semaphore>,
    waiting: AtomicUsize,
    /// Somebody waited in vain, and no part was given back since.
    is_stuck: AtomicBool,
}

/// A share has no part free, and none came free soon enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

/// A part of a share; dropped, it is free again.
#[derive(Debug)]
pub(super) struct Part {
    _permit: OwnedSemaphorePermit,
    // Keeps the entry alive for as long as a part of it is held.
    share: Arc<Share>,
}

impl<K: Clone + Eq + Hash> Shares<K> {
    pub(super) fn new(terms: Terms) -> Self {
        Self { terms, entries: Mutex::default() }
    }

    /// Takes a part of the share of this one. Waits for it, unless too many do, or all is held by what
    /// hangs: what somebody waited for in vain is not waited for again before a part comes back.
    pub(super) async fn take(&self, key: &K) -> Result<Part, Full> {
        let share = self.share(key);
        let permit = match Arc::clone(&share.free).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => share.wait(self.terms).await?,
        };
        Ok(Part { _permit: permit, share })
    }

    /// How many parts this one has.
    pub(super) fn taken(&self, key: &K) -> usize {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let share = entries.get(key).and_then(Weak::upgrade);
        share.map_or(0, |share| self.terms.each.saturating_sub(share.free.available_permits()))
    }

    fn share(&self, key: &K) -> Arc<Share> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = entries.get(key).and_then(Weak::upgrade) {
            return share;
        }
        // Entries of the idle go when the map would have to grow.
        if entries.len() == entries.capacity() {
            entries.retain(|_, share| share.strong_count() > 0);
        }
        let share = Arc::new(Share {
            free: Arc::new(Semaphore::new(self.terms.each)),
            waiting: AtomicUsize::new(0),
            is_stuck: AtomicBool::new(false),
        });
        entries.insert(key.clone(), Arc::downgrade(&share));
        share
    }
}

impl Share {
    async fn wait(&self, terms: Terms) -> Result<OwnedSemaphorePermit, Full> {
        if self.is_stuck.load(Ordering::Relaxed) {
            return Err(Full);
        }
        let _waiting = Waiting::enter(&self.waiting, terms.may_wait)?;
        let waited = timeout(terms.wait, permit(&self.free)).await;
        waited.unwrap_or_else(|_| {
            self.is_stuck.store(true, Ordering::Relaxed);
            Err(Full)
        })
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.share.is_stuck.store(false, Ordering::Relaxed);
    }
}

/// The semaphores are never closed; a closed one would refuse.
pub(super) async fn permit(semaphore: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Full> {
    Arc::clone(semaphore).acquire_owned().await.map_err(|_| Full)
}

/// Counts one that waits, however its waiting ends.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn enter(count: &'a AtomicUsize, limit: usize) -> Result<Self, Full> {
        if count.fetch_add(1, Ordering::Relaxed) >= limit {
            count.fetch_sub(1, Ordering::Relaxed);
            return Err(Full);
        }
        Ok(Self(count))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

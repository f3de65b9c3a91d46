//! Counters that differ in their labels, found without a lock.

use super::Counter;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

/// A counter for each key. Clones share them.
#[derive(Debug)]
pub struct Counters<K>(Arc<HashMap<K, Counter>>);

impl<K> Clone for Counters<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K: Eq + Hash> Counters<K> {
    /// Counts one.
    pub fn inc(&self, key: &K) {
        self.inc_by(key, 1);
    }

    /// Counts several at once.
    pub fn inc_by(&self, key: &K, count: u64) {
        let counter = self.0.get(key);
        debug_assert!(counter.is_some(), "a key was left out when the counters were registered");
        if let Some(counter) = counter {
            counter.inc_by(count);
        }
    }
}

impl<K: Eq + Hash> FromIterator<(K, Counter)> for Counters<K> {
    fn from_iter<I: IntoIterator<Item = (K, Counter)>>(counters: I) -> Self {
        Self(Arc::new(counters.into_iter().collect()))
    }
}

//! The follower: lets waiting deliveries follow their endpoints' state.

use super::Pace;
use postrider_store::{SharedStore, StoreError};

/// Deliveries of each kind that one step moves.
const BATCH: u32 = 1000;

/// Lets waiting deliveries follow their endpoints' state.
pub struct Follower {
    store: SharedStore,
}

impl Follower {
    /// A follower over all endpoints.
    pub fn new(store: SharedStore) -> Self {
        Self { store }
    }

    /// Moves once. Gives how many deliveries changed their state.
    pub async fn run_once(&self) -> Result<u64, StoreError> {
        self.store.deliveries_follow_endpoints(BATCH).await
    }

    pub(crate) async fn step(&self) -> Result<Pace, StoreError> {
        let moved = self.run_once().await?;
        Ok(if moved >= u64::from(BATCH) { Pace::AtOnce } else { Pace::NextTick })
    }
}

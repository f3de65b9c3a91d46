//! The follower: lets waiting deliveries follow their endpoints' state.

use super::Pace;
use postrider_store::{Followed, SharedStore, StoreError};

/// Deliveries of each kind that one step moves at most.
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

    /// Moves once.
    pub async fn run_once(&self) -> Result<Followed, StoreError> {
        self.store.deliveries_follow_endpoints(BATCH).await
    }

    pub(crate) async fn step(&self) -> Result<Pace, StoreError> {
        let followed = self.run_once().await?;
        Ok(if followed.has_more { Pace::AtOnce } else { Pace::NextTick })
    }
}

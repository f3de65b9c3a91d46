//! Retention: rows that are too old, held deliveries, payloads. There are no partitions.

mod expunge;
pub(super) mod held;
pub(super) mod rows;
pub(super) mod turn;

use super::SqliteStore;
use crate::error::StoreError;
use crate::retention::{Expunged, PartitionRemoval, Removed, Retention};
use async_trait::async_trait;
use postrider_common::keeping::Days;
use postrider_common::tenant::TenantScope;

#[async_trait]
impl Retention for SqliteStore {
    async fn held_expire(&self, limit: u32) -> Result<u64, StoreError> {
        held::expire(self, limit).await
    }

    async fn partitions_remove(&self, _usual: Days) -> Result<PartitionRemoval, StoreError> {
        Ok(PartitionRemoval::Nothing)
    }

    async fn expired_remove(&self, usual: Days) -> Result<Option<Removed>, StoreError> {
        turn::take(self, usual).await
    }

    async fn event_expunge(&self, scope: &TenantScope, id: &str) -> Result<Expunged, StoreError> {
        expunge::expunge(self, scope, id).await
    }
}

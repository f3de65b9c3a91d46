//! Retention: partitions, rows of tenants that keep things for less, held deliveries, payloads.

mod expunge;
pub(super) mod held;
mod partitions;
pub(super) mod rows;
pub(super) mod turn;

use super::PgStore;
use crate::error::StoreError;
use crate::retention::{Expunged, PartitionRemoval, Removed, Retention};
use async_trait::async_trait;
use postrider_common::keeping::Days;
use postrider_common::tenant::TenantScope;

#[async_trait]
impl Retention for PgStore {
    async fn held_expire(&self, limit: u32) -> Result<u64, StoreError> {
        held::expire(self, limit).await
    }

    async fn partitions_remove(&self, usual: Days) -> Result<PartitionRemoval, StoreError> {
        partitions::remove(self, usual).await
    }

    async fn expired_remove(&self, usual: Days) -> Result<Option<Removed>, StoreError> {
        turn::take(self, usual).await
    }

    async fn event_expunge(&self, scope: &TenantScope, id: &str) -> Result<Expunged, StoreError> {
        expunge::expunge(self, scope, id).await
    }
}

//! The log: which file does what.

mod attempts;
mod deliveries;
mod events;
mod replay;

use super::SqliteStore;
use crate::error::StoreError;
use crate::log::{DeliveryFilter, EventFilterBy, EventSummary, Log, Replayed};
use crate::page::{Page, PageRequest};
use async_trait::async_trait;
use postrider_common::attempt::Attempt;
use postrider_common::delivery::Delivery;
use postrider_common::event::Event;
use postrider_common::id::DeliveryId;
use postrider_common::tenant::TenantScope;

#[async_trait]
impl Log for SqliteStore {
    async fn event_get(&self, scope: &TenantScope, id: &str) -> Result<Option<Event>, StoreError> {
        events::get(self, scope, id).await
    }

    async fn event_list(
        &self,
        scope: &TenantScope,
        filter: &EventFilterBy,
        page: PageRequest,
    ) -> Result<Page<EventSummary>, StoreError> {
        events::list(self, scope, filter, page).await
    }

    async fn delivery_get(
        &self,
        scope: &TenantScope,
        id: DeliveryId,
    ) -> Result<Option<Delivery>, StoreError> {
        deliveries::get(self, scope, id).await
    }

    async fn delivery_list(
        &self,
        scope: &TenantScope,
        filter: &DeliveryFilter,
        page: PageRequest,
    ) -> Result<Page<Delivery>, StoreError> {
        deliveries::list(self, scope, filter, page).await
    }

    async fn attempt_list(
        &self,
        scope: &TenantScope,
        delivery: DeliveryId,
    ) -> Result<Vec<Attempt>, StoreError> {
        attempts::list(self, scope, delivery).await
    }

    async fn delivery_replay(
        &self,
        scope: &TenantScope,
        id: DeliveryId,
    ) -> Result<Replayed, StoreError> {
        replay::replay(self, scope, id).await
    }
}

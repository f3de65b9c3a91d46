//! The log: which file does what.

mod attempts;
mod cancel;
mod deliveries;
mod events;
mod pages;
mod replay;
mod replay_as_new;

pub(super) use deliveries::list_dead;
pub(super) use events::resolve as resolve_event;

use super::PgStore;
use crate::endpoints::EndpointRef;
use crate::error::StoreError;
use crate::log::{
    Cancelled, DeliveryFilter, DeliveryPage, EventCancelled, EventFilterBy, EventSummary, Log,
    LoggedAttempt, Replayed, ReplayedAsNew,
};
use crate::page::{Page, PageRequest};
use async_trait::async_trait;
use postrider_common::attempt::Attempt;
use postrider_common::delivery::Delivery;
use postrider_common::event::Event;
use postrider_common::id::DeliveryId;
use postrider_common::tenant::TenantScope;

#[async_trait]
impl Log for PgStore {
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

    async fn delivery_page(
        &self,
        scope: &TenantScope,
        endpoint: &EndpointRef,
        limit: u32,
        offset: u64,
    ) -> Result<Option<DeliveryPage>, StoreError> {
        pages::deliveries(self, scope, endpoint, limit, offset).await
    }

    async fn attempt_log(
        &self,
        scope: &TenantScope,
        endpoint: &EndpointRef,
        limit: u32,
    ) -> Result<Option<Vec<LoggedAttempt>>, StoreError> {
        pages::attempts(self, scope, endpoint, limit).await
    }

    async fn delivery_replay_as_new(
        &self,
        scope: &TenantScope,
        id: DeliveryId,
    ) -> Result<ReplayedAsNew, StoreError> {
        replay_as_new::replay(self, scope, id).await
    }

    async fn delivery_replay(
        &self,
        scope: &TenantScope,
        id: DeliveryId,
    ) -> Result<Replayed, StoreError> {
        replay::replay(self, scope, id).await
    }

    async fn delivery_cancel(
        &self,
        scope: &TenantScope,
        id: DeliveryId,
    ) -> Result<Cancelled, StoreError> {
        cancel::delivery(self, scope, id).await
    }

    async fn event_cancel(
        &self,
        scope: &TenantScope,
        id: &str,
    ) -> Result<Option<EventCancelled>, StoreError> {
        cancel::event(self, scope, id).await
    }
}

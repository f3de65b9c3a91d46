//! Endpoints: which file does what.

mod bump;
mod create;
mod delete;
mod read;
mod row;
mod secret;
mod statistics;
mod update;

#[cfg(feature = "conformance")]
pub(super) use read::FOR_SENDING;

use super::SqliteStore;
use crate::endpoints::{
    EndpointCreated, EndpointDeleted, EndpointPatch, EndpointRef, EndpointStatistics,
    EndpointUpdated, Endpoints, NewEndpoint, SecretRotated, SecretRotation,
};
use crate::error::StoreError;
use crate::page::{Page, PageRequest};
use async_trait::async_trait;
use postrider_common::endpoint::Endpoint;
use postrider_common::id::EndpointId;
use postrider_common::tenant::TenantScope;
use std::collections::HashMap;

#[async_trait]
impl Endpoints for SqliteStore {
    async fn endpoint_create(
        &self,
        scope: &TenantScope,
        new: NewEndpoint,
        limit: u32,
    ) -> Result<EndpointCreated, StoreError> {
        create::create(self, scope, new, limit).await
    }

    async fn endpoint_get(
        &self,
        scope: &TenantScope,
        endpoint: &EndpointRef,
    ) -> Result<Option<Endpoint>, StoreError> {
        read::get(self, scope, endpoint).await
    }

    async fn endpoint_list(
        &self,
        scope: &TenantScope,
        page: PageRequest,
    ) -> Result<Page<Endpoint>, StoreError> {
        read::list(self, scope, page).await
    }

    async fn endpoint_update(
        &self,
        scope: &TenantScope,
        endpoint: &EndpointRef,
        patch: EndpointPatch,
    ) -> Result<EndpointUpdated, StoreError> {
        update::update(self, scope, endpoint, patch).await
    }

    async fn secret_rotate(
        &self,
        scope: &TenantScope,
        endpoint: &EndpointRef,
        rotation: SecretRotation,
    ) -> Result<SecretRotated, StoreError> {
        secret::rotate(self, scope, endpoint, rotation).await
    }

    async fn secret_activate(
        &self,
        scope: &TenantScope,
        endpoint: &EndpointRef,
    ) -> Result<EndpointUpdated, StoreError> {
        secret::activate(self, scope, endpoint).await
    }

    async fn endpoint_statistics(
        &self,
        scope: &TenantScope,
        endpoints: &[EndpointId],
    ) -> Result<HashMap<EndpointId, EndpointStatistics>, StoreError> {
        statistics::statistics(self, scope, endpoints).await
    }

    async fn endpoint_delete(
        &self,
        scope: &TenantScope,
        endpoint: &EndpointRef,
    ) -> Result<EndpointDeleted, StoreError> {
        delete::delete(self, scope, endpoint).await
    }

    async fn endpoint_for_sending(&self, id: EndpointId) -> Result<Option<Endpoint>, StoreError> {
        read::for_sending(self, id).await
    }
}

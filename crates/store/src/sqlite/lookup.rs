//! Looking up what both adapters' shared code asks for.

use super::SqliteStore;
use super::error::StoreResultExt as _;
use crate::endpoints::EndpointRef;
use crate::error::StoreError;
use crate::lookup::Lookup;
use async_trait::async_trait;
use postrider_common::tenant::TenantScope;
use time::OffsetDateTime;
use uuid::Uuid;

#[async_trait]
impl Lookup for SqliteStore {
    async fn database_time(&self) -> Result<OffsetDateTime, StoreError> {
        let mut reader = self.readers.acquire().await.or_store_error()?;
        self.clock.now(&mut reader).await?.try_into()
    }

    async fn endpoint_ids(
        &self,
        scope: &TenantScope,
        endpoint: &EndpointRef,
    ) -> Result<Vec<Uuid>, StoreError> {
        sqlx::query_scalar(
            "SELECT id FROM endpoints WHERE tenant_id = ?1 AND (public_id = ?2 OR id = ?3)
             ORDER BY deleted_at IS NULL DESC, public_id = ?2 DESC, id DESC",
        )
        .bind(scope.tenant().as_str())
        .bind(endpoint.text())
        .bind(endpoint.id().map(|id| id.as_uuid()))
        .fetch_all(&self.readers)
        .await
        .or_store_error()
    }
}

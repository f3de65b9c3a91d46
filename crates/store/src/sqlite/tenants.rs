//! Tenants and their API keys.

use super::SqliteStore;
use super::batch::json;
use super::clock::Micros;
use super::error::{StoreResultExt as _, classify, is_dangling};
use crate::error::StoreError;
use crate::tenants::{
    ApiKeyCreated, ApiKeyRevoked, NewApiKey, StoredApiKey, TenantCreated, TenantPatch, Tenants,
};
use async_trait::async_trait;
use postrider_common::api_key::ApiKey;
use postrider_common::id::ApiKeyId;
use postrider_common::keeping::Days;
use postrider_common::tenant::{NewTenant, Tenant, TenantId, TenantScope};

type TenantRow = crate::rows::tenant::TenantRow<Micros>;
type ApiKeyRow = crate::rows::api_key::ApiKeyRow<Micros, String>;

#[async_trait]
impl Tenants for SqliteStore {
    async fn tenant_create(&self, new: NewTenant) -> Result<TenantCreated, StoreError> {
        let mut txn = self.writer.begin().await?;
        let now = txn.now();
        let row = sqlx::query_as::<_, TenantRow>(
            "INSERT INTO tenants (id, name, contract, created_at, retention_days, hold_days)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (id) DO NOTHING
             RETURNING id, name, contract, retention_days, hold_days, created_at",
        )
        .bind(new.id.as_str())
        .bind(new.name)
        .bind(new.contract)
        .bind(now)
        .bind(new.keeping.retention.map(Days::get))
        .bind(new.keeping.hold.get())
        .fetch_optional(txn.connection())
        .await
        .or_store_error()?;
        txn.commit().await?;
        match row {
            Some(row) => Ok(TenantCreated::Created(row.try_into()?)),
            None => Ok(TenantCreated::Exists),
        }
    }

    async fn tenant_get(&self, id: &TenantId) -> Result<Option<Tenant>, StoreError> {
        sqlx::query_as::<_, TenantRow>("SELECT * FROM tenants WHERE id = ?1")
            .bind(id.as_str())
            .fetch_optional(&self.readers)
            .await
            .or_store_error()?
            .map(Tenant::try_from)
            .transpose()
    }

    async fn tenant_update(
        &self,
        id: &TenantId,
        patch: TenantPatch,
    ) -> Result<Option<Tenant>, StoreError> {
        let mut txn = self.writer.begin().await?;
        let row = sqlx::query_as::<_, TenantRow>(
            "UPDATE tenants SET name = coalesce(?2, name), hold_days = coalesce(?3, hold_days),
                    retention_days = iif(?4, ?5, retention_days)
             WHERE id = ?1
             RETURNING id, name, contract, retention_days, hold_days, created_at",
        )
        .bind(id.as_str())
        .bind(patch.name)
        .bind(patch.hold.map(Days::get))
        .bind(patch.retention.is_some())
        .bind(patch.retention.flatten().map(Days::get))
        .fetch_optional(txn.connection())
        .await
        .or_store_error()?;
        txn.commit().await?;
        row.map(Tenant::try_from).transpose()
    }

    async fn tenant_list(
        &self,
        after: Option<&TenantId>,
        limit: u32,
    ) -> Result<Vec<Tenant>, StoreError> {
        sqlx::query_as::<_, TenantRow>("SELECT * FROM tenants WHERE id > ?1 ORDER BY id LIMIT ?2")
            .bind(after.map_or("", TenantId::as_str))
            .bind(limit)
            .fetch_all(&self.readers)
            .await
            .or_store_error()?
            .into_iter()
            .map(Tenant::try_from)
            .collect()
    }

    async fn api_key_create(
        &self,
        scope: &TenantScope,
        new: NewApiKey,
    ) -> Result<ApiKeyCreated, StoreError> {
        let scopes: Vec<_> = new.scopes.iter().map(|scope| scope.as_str()).collect();
        let mut txn = self.writer.begin().await?;
        let now = txn.now();
        let row = sqlx::query_as::<_, ApiKeyRow>(
            "INSERT INTO api_keys (id, tenant_id, name, scopes, prefix, hash, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) RETURNING *",
        )
        .bind(ApiKeyId::generate().as_uuid())
        .bind(scope.tenant().as_str())
        .bind(new.name)
        .bind(json(&scopes)?)
        .bind(new.prefix)
        .bind(new.hash.as_bytes().as_slice())
        .bind(now)
        .fetch_one(txn.connection())
        .await;
        let row = match row {
            Err(error) if is_dangling(&error) => return Ok(ApiKeyCreated::UnknownTenant),
            row => row.map_err(classify)?,
        };
        txn.commit().await?;
        Ok(ApiKeyCreated::Created(StoredApiKey::try_from(row)?.key))
    }

    async fn api_key_list(&self, scope: &TenantScope) -> Result<Vec<ApiKey>, StoreError> {
        sqlx::query_as::<_, ApiKeyRow>(
            "SELECT * FROM api_keys WHERE tenant_id = ?1 ORDER BY id DESC",
        )
        .bind(scope.tenant().as_str())
        .fetch_all(&self.readers)
        .await
        .or_store_error()?
        .into_iter()
        .map(|row| StoredApiKey::try_from(row).map(|stored| stored.key))
        .collect()
    }

    async fn api_key_revoke(
        &self,
        scope: &TenantScope,
        id: ApiKeyId,
    ) -> Result<ApiKeyRevoked, StoreError> {
        let mut txn = self.writer.begin().await?;
        let now = txn.now();
        let revoked: Option<Micros> = sqlx::query_scalar(
            "UPDATE api_keys SET revoked_at = coalesce(revoked_at, ?3)
             WHERE tenant_id = ?1 AND id = ?2 RETURNING revoked_at",
        )
        .bind(scope.tenant().as_str())
        .bind(id.as_uuid())
        .bind(now)
        .fetch_optional(txn.connection())
        .await
        .or_store_error()?;
        txn.commit().await?;
        // No two transactions have the same time.
        Ok(match revoked {
            None => ApiKeyRevoked::Unknown,
            Some(at) if at == now => ApiKeyRevoked::Revoked,
            Some(_) => ApiKeyRevoked::Already,
        })
    }

    async fn api_key_find(&self, prefix: &str) -> Result<Option<StoredApiKey>, StoreError> {
        sqlx::query_as::<_, ApiKeyRow>("SELECT * FROM api_keys WHERE prefix = ?1")
            .bind(prefix)
            .fetch_optional(&self.readers)
            .await
            .or_store_error()?
            .map(StoredApiKey::try_from)
            .transpose()
    }
}

//! Tenants and their API keys.

use super::PgStore;
use super::error::{StoreResultExt as _, classify, violates};
use crate::error::StoreError;
use crate::tenants::{
    ApiKeyCreated, ApiKeyRevoked, NewApiKey, StoredApiKey, TenantCreated, TenantPatch, Tenants,
};
use async_trait::async_trait;
use postrider_common::api_key::ApiKey;
use postrider_common::id::ApiKeyId;
use postrider_common::keeping::Days;
use postrider_common::tenant::{NewTenant, Tenant, TenantId, TenantScope};
use time::OffsetDateTime;

type TenantRow = crate::rows::tenant::TenantRow<OffsetDateTime>;
type ApiKeyRow = crate::rows::api_key::ApiKeyRow<OffsetDateTime, Vec<String>>;

#[async_trait]
impl Tenants for PgStore {
    async fn tenant_create(&self, new: NewTenant) -> Result<TenantCreated, StoreError> {
        let row = sqlx::query_as::<_, TenantRow>(
            "INSERT INTO tenants (id, name, contract, retention_days, hold_days)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (id) DO NOTHING
             RETURNING id, name, contract, retention_days, hold_days, created_at",
        )
        .bind(new.id.as_str())
        .bind(new.name)
        .bind(new.contract)
        .bind(new.keeping.retention.map(stored))
        .bind(stored(new.keeping.hold))
        .fetch_optional(&self.log)
        .await
        .or_store_error()?;
        match row {
            Some(row) => Ok(TenantCreated::Created(row.try_into()?)),
            None => Ok(TenantCreated::Exists),
        }
    }

    async fn tenant_get(&self, id: &TenantId) -> Result<Option<Tenant>, StoreError> {
        sqlx::query_as::<_, TenantRow>(
            "SELECT id, name, contract, retention_days, hold_days, created_at
             FROM tenants WHERE id = $1",
        )
        .bind(id.as_str())
        .fetch_optional(&self.log)
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
        sqlx::query_as::<_, TenantRow>(
            "UPDATE tenants SET name = coalesce($2, name), hold_days = coalesce($3, hold_days),
                    retention_days = CASE WHEN $4 THEN $5 ELSE retention_days END
             WHERE id = $1
             RETURNING id, name, contract, retention_days, hold_days, created_at",
        )
        .bind(id.as_str())
        .bind(patch.name)
        .bind(patch.hold.map(stored))
        .bind(patch.retention.is_some())
        .bind(patch.retention.flatten().map(stored))
        .fetch_optional(&self.log)
        .await
        .or_store_error()?
        .map(Tenant::try_from)
        .transpose()
    }

    async fn tenant_list(
        &self,
        after: Option<&TenantId>,
        limit: u32,
    ) -> Result<Vec<Tenant>, StoreError> {
        sqlx::query_as::<_, TenantRow>(
            r#"SELECT id, name, contract, retention_days, hold_days, created_at FROM tenants
               WHERE id COLLATE "C" > $1 ORDER BY id COLLATE "C" LIMIT $2"#,
        )
        .bind(after.map_or("", TenantId::as_str))
        .bind(i64::from(limit))
        .fetch_all(&self.log)
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
        let row = sqlx::query_as::<_, ApiKeyRow>(
            "INSERT INTO api_keys (id, tenant_id, name, scopes, prefix, hash)
             VALUES ($1, $2, $3, $4, $5, $6) RETURNING *",
        )
        .bind(ApiKeyId::generate().as_uuid())
        .bind(scope.tenant().as_str())
        .bind(new.name)
        .bind(scopes)
        .bind(new.prefix)
        .bind(new.hash.as_bytes().as_slice())
        .fetch_one(&self.log)
        .await;
        match row {
            Ok(row) => Ok(ApiKeyCreated::Created(StoredApiKey::try_from(row)?.key)),
            Err(error) if violates(&error, "api_keys_tenant_id_fkey") => {
                Ok(ApiKeyCreated::UnknownTenant)
            }
            Err(error) => Err(classify(error)),
        }
    }

    async fn api_key_list(&self, scope: &TenantScope) -> Result<Vec<ApiKey>, StoreError> {
        sqlx::query_as::<_, ApiKeyRow>(
            "SELECT * FROM api_keys WHERE tenant_id = $1 ORDER BY id DESC",
        )
        .bind(scope.tenant().as_str())
        .fetch_all(&self.log)
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
        let before = sqlx::query_scalar::<_, Option<OffsetDateTime>>(
            "WITH before AS (SELECT id, revoked_at FROM api_keys
                             WHERE tenant_id = $1 AND id = $2 FOR UPDATE)
             UPDATE api_keys SET revoked_at = coalesce(before.revoked_at, now())
             FROM before WHERE api_keys.id = before.id RETURNING before.revoked_at",
        )
        .bind(scope.tenant().as_str())
        .bind(id.as_uuid())
        .fetch_optional(&self.log)
        .await
        .or_store_error()?;
        Ok(match before {
            None => ApiKeyRevoked::Unknown,
            Some(None) => ApiKeyRevoked::Revoked,
            Some(Some(_)) => ApiKeyRevoked::Already,
        })
    }

    async fn api_key_find(&self, prefix: &str) -> Result<Option<StoredApiKey>, StoreError> {
        sqlx::query_as::<_, ApiKeyRow>("SELECT * FROM api_keys WHERE prefix = $1")
            .bind(prefix)
            .fetch_optional(&self.log)
            .await
            .or_store_error()?
            .map(StoredApiKey::try_from)
            .transpose()
    }
}

fn stored(days: Days) -> i32 {
    days.get().into()
}

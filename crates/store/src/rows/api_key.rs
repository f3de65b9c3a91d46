//! An API key's row, and what it stands for.

use super::{StoredList, StoredTime, tenant, time, unreadable};
use crate::error::StoreError;
use crate::tenants::StoredApiKey;
use postrider_common::api_key::{ApiKey, ApiKeyHash, Scope};
use postrider_common::id::ApiKeyId;
use sqlx::FromRow;
use uuid::Uuid;

/// A row of `api_keys`.
#[derive(FromRow)]
pub(crate) struct ApiKeyRow<Time, Names> {
    id: Uuid,
    tenant_id: String,
    name: String,
    scopes: Names,
    prefix: String,
    hash: Vec<u8>,
    created_at: Time,
    revoked_at: Option<Time>,
}

impl<Time: StoredTime, Names: StoredList<String>> TryFrom<ApiKeyRow<Time, Names>> for StoredApiKey {
    type Error = StoreError;

    fn try_from(row: ApiKeyRow<Time, Names>) -> Result<Self, StoreError> {
        let hash = row.hash.try_into().map_err(|_| unreadable("API key hash"))?;
        let scopes = row.scopes.read().ok_or(unreadable("scope"))?;
        let scopes = scopes.iter().map(|name| Scope::parse(name));
        let key = ApiKey {
            id: ApiKeyId::from_uuid(row.id),
            tenant: tenant(row.tenant_id)?,
            name: row.name,
            scopes: scopes.collect::<Result<_, _>>().map_err(|_| unreadable("scope"))?,
            prefix: row.prefix,
            created_at: row.created_at.read()?,
            revoked_at: time(row.revoked_at)?,
        };
        Ok(Self { key, hash: ApiKeyHash::from_bytes(hash) })
    }
}

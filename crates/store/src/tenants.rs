//! Tenants and their API keys.

use crate::error::StoreError;
use async_trait::async_trait;
use postrider_common::api_key::{ApiKey, ApiKeyHash, Scope};
use postrider_common::id::ApiKeyId;
use postrider_common::keeping::Days;
use postrider_common::tenant::{NewTenant, Tenant, TenantId, TenantScope};

/// What became of a request for a tenant.
#[derive(Clone, Debug)]
pub enum TenantCreated {
    /// It was made.
    Created(Tenant),
    /// There is one of this id.
    Exists,
}

/// What is changed about a tenant; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct TenantPatch {
    /// The name that people know it by.
    pub name: Option<String>,
    /// For how long its events are kept; the inner `None` is as long as the installation keeps them.
    pub retention: Option<Option<Days>>,
    /// For how long deliveries are held.
    pub hold: Option<Days>,
}

/// What it takes to make an API key.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    /// The name that people know it by.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// Its public part.
    pub prefix: String,
    /// What is kept of it.
    pub hash: ApiKeyHash,
}

/// What became of a request for an API key.
#[derive(Clone, Debug)]
pub enum ApiKeyCreated {
    /// It was made.
    Created(ApiKey),
    /// There is no such tenant.
    UnknownTenant,
}

/// What became of a request to revoke an API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiKeyRevoked {
    /// It is revoked now.
    Revoked,
    /// It was revoked before.
    Already,
    /// The tenant has no such key.
    Unknown,
}

/// An API key with what a presented one is compared to.
#[derive(Clone, Debug)]
pub struct StoredApiKey {
    /// The key's row.
    pub key: ApiKey,
    /// Its hash.
    pub hash: ApiKeyHash,
}

/// Tenants and their API keys.
#[async_trait]
pub trait Tenants: Send + Sync {
    /// Makes a tenant.
    async fn tenant_create(&self, new: NewTenant) -> Result<TenantCreated, StoreError>;

    /// The tenant of this id.
    async fn tenant_get(&self, id: &TenantId) -> Result<Option<Tenant>, StoreError>;

    /// Changes the tenant of this id, and gives it as it is then; `None` when there is none.
    async fn tenant_update(
        &self,
        id: &TenantId,
        patch: TenantPatch,
    ) -> Result<Option<Tenant>, StoreError>;

    /// At most `limit` tenants in order of their ids, after `after`.
    async fn tenant_list(
        &self,
        after: Option<&TenantId>,
        limit: u32,
    ) -> Result<Vec<Tenant>, StoreError>;

    /// Makes an API key for the scope's tenant.
    async fn api_key_create(
        &self,
        scope: &TenantScope,
        new: NewApiKey,
    ) -> Result<ApiKeyCreated, StoreError>;

    /// The tenant's API keys, newest first, revoked ones too.
    async fn api_key_list(&self, scope: &TenantScope) -> Result<Vec<ApiKey>, StoreError>;

    /// Revokes an API key of the tenant.
    async fn api_key_revoke(
        &self,
        scope: &TenantScope,
        id: ApiKeyId,
    ) -> Result<ApiKeyRevoked, StoreError>;

    /// The key with this public part. It takes no proof of tenant: it is where the proof comes from.
    async fn api_key_find(&self, prefix: &str) -> Result<Option<StoredApiKey>, StoreError>;
}

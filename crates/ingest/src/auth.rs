//! Who calls, and for which tenant it may publish.
//!
//! A key is looked up by its public part and compared by its hash. What was found is kept for a few
//! seconds, by the hash of what was presented, so that the hot path reads no database; that is also
//! how long a revoked key may still work. Keys themselves are kept nowhere.

mod found;
mod presented;

use self::found::{Found, Lifetimes};
pub(crate) use self::presented::Presented;
use crate::refusal::Refusal;
use moka::future::Cache;
use postrider_common::api_key::{Scope, prefix_of};
use postrider_common::config::AdminKey;
use postrider_common::tenant::TenantId;
use postrider_store::{StoreError, Tenants};
use std::sync::Arc;
use tonic_types::FieldViolation;

/// Keys that are remembered at a time.
const CAPACITY: u64 = 10_000;

/// A caller whose key was checked and may publish events.
#[derive(Clone, Debug)]
pub(crate) enum Caller {
    /// Whoever runs the system: it may publish for any tenant that it names.
    Admin,
    /// One tenant.
    Tenant(TenantId),
}

impl Caller {
    /// The tenant that an event is published for, or what is wrong with its `tenant_id`.
    pub(crate) fn tenant(
        &self,
        tenant_id: &str,
    ) -> Result<Result<TenantId, FieldViolation>, Refusal> {
        match self {
            Self::Tenant(own) if tenant_id.is_empty() || tenant_id == own.as_str() => {
                Ok(Ok(own.clone()))
            }
            Self::Tenant(_) => Err(Refusal::TenantMismatch),
            Self::Admin if tenant_id.is_empty() => {
                let rule = "must be given with the admin key";
                Ok(Err(FieldViolation::new("tenant_id", rule)))
            }
            Self::Admin => Ok(TenantId::parse(tenant_id)
                .map_err(|rule| FieldViolation::new("tenant_id", rule.to_string()))),
        }
    }
}

/// Checks keys.
pub(crate) struct Authenticator<S: ?Sized> {
    admin: Option<AdminKey>,
    found: Cache<[u8; 32], Found>,
    tenants: Arc<S>,
}

impl<S: Tenants + ?Sized> Authenticator<S> {
    pub(crate) fn new(tenants: Arc<S>, admin: Option<AdminKey>) -> Self {
        let found = Cache::builder().max_capacity(CAPACITY).expire_after(Lifetimes).build();
        Self { admin, found, tenants }
    }

    /// The caller that a key stands for.
    pub(crate) async fn caller(&self, presented: &Presented) -> Result<Caller, Refusal> {
        let found = self
            .found
            .try_get_with(*presented.hash().as_bytes(), self.look_up(presented))
            .await
            .map_err(|error| Refusal::Store(StoreError::clone(&error)))?;
        match found {
            Found::Admin => Ok(Caller::Admin),
            Found::Tenant { tenant, may_publish: true } => Ok(Caller::Tenant(tenant)),
            Found::Tenant { may_publish: false, .. } => Err(Refusal::ScopeMissing),
            Found::Nobody => Err(Refusal::KeyInvalid),
        }
    }

    async fn look_up(&self, presented: &Presented) -> Result<Found, StoreError> {
        if self.admin.as_ref().is_some_and(|admin| admin.matches(presented.key())) {
            return Ok(Found::Admin);
        }
        let Some(prefix) = prefix_of(presented.key()) else {
            return Ok(Found::Nobody);
        };
        let stored = self.tenants.api_key_find(prefix).await?;
        let Some(stored) = stored.filter(|stored| stored.hash.matches(presented.hash())) else {
            return Ok(Found::Nobody);
        };
        if stored.key.revoked_at.is_some() {
            return Ok(Found::Nobody);
        }
        let may_publish = stored.key.allows(Scope::EventsWrite);
        Ok(Found::Tenant { tenant: stored.key.tenant, may_publish })
    }
}

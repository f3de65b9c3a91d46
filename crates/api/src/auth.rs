//! Who calls, and what they may do. The extractors give proofs, without which no handler compiles.
//!
//! The admin key makes tenants and may act for any of them; a tenant's key acts for its tenant, as
//! far as its scopes go. How a key is found is in `auth/keys.rs`.

mod keys;

pub(crate) use keys::KeyCache;

use crate::app::App;
use crate::error::ApiError;
use crate::fields::Fields;
use crate::query;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use postrider_common::api_key::{ApiKey, Scope};
use postrider_common::tenant::{TenantId, TenantScope};
use std::marker::PhantomData;
use std::sync::Arc;

/// A proof that the caller has the admin key.
pub(crate) struct AdminProof(());

impl AdminProof {
    /// The admin may act for any tenant.
    #[expect(clippy::unused_self, reason = "having the proof is what it takes")]
    pub(crate) fn scope(&self, tenant: TenantId) -> TenantScope {
        TenantScope::authorised(tenant)
    }
}

/// What a call needs its key to allow.
pub(crate) trait Need: Send {
    /// The scope that allows it.
    const SCOPE: Scope;
}

/// To read.
pub(crate) struct ToRead;

impl Need for ToRead {
    const SCOPE: Scope = Scope::Read;
}

/// To make, change and delete webhooks, and to replay.
pub(crate) struct ToWrite;

impl Need for ToWrite {
    const SCOPE: Scope = Scope::WebhooksWrite;
}

/// A proof that the caller has a valid key of whatever kind.
pub(crate) struct AnyKey(());

/// A caller who may act for a tenant, as far as `N` needs.
pub(crate) struct Caller<N> {
    scope: TenantScope,
    admin: bool,
    need: PhantomData<N>,
}

impl<N> Caller<N> {
    /// The proof, for the store.
    pub(crate) fn scope(&self) -> &TenantScope {
        &self.scope
    }

    /// The tenant that the caller acts for.
    pub(crate) fn tenant(&self) -> &TenantId {
        self.scope.tenant()
    }

    /// Whether it is the admin who acts for the tenant.
    pub(crate) fn is_admin(&self) -> bool {
        self.admin
    }
}

enum Identity {
    Admin(AdminProof),
    Tenant(Arc<ApiKey>),
}

impl FromRequestParts<Arc<App>> for AdminProof {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        match identify(parts, app).await? {
            Identity::Admin(proof) => Ok(proof),
            Identity::Tenant(_) => Err(ApiError::AdminOnly),
        }
    }
}

impl FromRequestParts<Arc<App>> for AnyKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        identify(parts, app).await.map(|_| Self(()))
    }
}

impl<N: Need> FromRequestParts<Arc<App>> for Caller<N> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let identity = identify(parts, app).await?;
        let named = query::tenant(parts)?;
        let (scope, admin) = match identity {
            Identity::Admin(proof) => (admin_scope(&proof, named, app).await?, true),
            Identity::Tenant(key) => (tenant_scope(&key, named, N::SCOPE)?, false),
        };
        Ok(Self { scope, admin, need: PhantomData })
    }
}

async fn identify(parts: &Parts, app: &App) -> Result<Identity, ApiError> {
    let presented = keys::presented(&parts.headers).ok_or(ApiError::Unauthorised)?;
    if app.admin_key.matches(&presented) {
        return Ok(Identity::Admin(AdminProof(())));
    }
    let key = app.api_keys.find(app.store.as_ref(), &presented).await?;
    key.map(Identity::Tenant).ok_or(ApiError::Unauthorised)
}

/// The admin names a tenant, which must exist.
async fn admin_scope(
    proof: &AdminProof,
    named: Option<TenantId>,
    app: &App,
) -> Result<TenantScope, ApiError> {
    let Some(tenant) = named else {
        let mut fields = Fields::from_query(Vec::new());
        fields.refuse(query::TENANT_PARAMETER, "is required with the admin key");
        return fields.finish(|| None);
    };
    let found = app.store.tenant_get(&tenant).await?;
    found.map(|_| proof.scope(tenant)).ok_or(ApiError::NotFound("tenant"))
}

/// A tenant's key implies its tenant; naming another finds nothing.
fn tenant_scope(
    key: &ApiKey,
    named: Option<TenantId>,
    needed: Scope,
) -> Result<TenantScope, ApiError> {
    if named.is_some_and(|tenant| tenant != key.tenant) {
        return Err(ApiError::NotFound("tenant"));
    }
    if !key.allows(needed) {
        return Err(ApiError::Scope(needed));
    }
    Ok(TenantScope::authorised(key.tenant.clone()))
}

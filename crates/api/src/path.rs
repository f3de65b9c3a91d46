//! The ids in a request's path.

use crate::error::ApiError;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use postrider_common::tenant::TenantId;

/// The one id in the path, as it came.
pub(crate) struct PathId(pub(crate) String);

/// The ids of two things in the path, as they came.
pub(crate) struct PathIds(pub(crate) String, pub(crate) String);

/// The tenant's id in the path.
pub(crate) struct PathTenant(pub(crate) TenantId);

/// The tenant's id in the path, and the id of something of the tenant's.
pub(crate) struct PathTenantAnd(pub(crate) TenantId, pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let [id] = ids(parts, state).await?;
        Ok(Self(id))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PathIds {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let [outer, inner] = ids(parts, state).await?;
        Ok(Self(outer, inner))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PathTenant {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let [tenant] = ids(parts, state).await?;
        Ok(Self(tenant_id(tenant)?))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PathTenantAnd {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let [tenant, id] = ids(parts, state).await?;
        Ok(Self(tenant_id(tenant)?, id))
    }
}

fn tenant_id(text: String) -> Result<TenantId, ApiError> {
    TenantId::parse(text).map_err(|_| ApiError::NotFound("tenant"))
}

/// The path's parameters in their order. A text that no id can be (not UTF-8, or with a NUL, which
/// a database's text cannot hold) names nothing.
async fn ids<S: Send + Sync, const N: usize>(
    parts: &mut Parts,
    state: &S,
) -> Result<[String; N], ApiError> {
    let path = axum::extract::Path::<Vec<(String, String)>>::from_request_parts(parts, state);
    let named = path.await.map_err(|_| ApiError::NoRoute)?.0;
    let ids: Vec<_> = named.into_iter().map(|(_, id)| id).collect();
    if ids.iter().any(|id| id.contains('\0')) {
        return Err(ApiError::NoRoute);
    }
    ids.try_into().map_err(|_| ApiError::Defect("a route has other ids than its handler takes"))
}

//! `DELETE /tenants/{tenant_id}/api-keys/{key_id}`: revokes a key for good. Other processes notice
//! within five seconds. Revoking twice is answered as once.

use crate::app::App;
use crate::auth::AdminProof;
use crate::error::ApiError;
use crate::path::PathTenantAnd;
use crate::query::NoQuery;
use axum::extract::State;
use axum::http::StatusCode;
use postrider_common::id::ApiKeyId;
use postrider_store::ApiKeyRevoked;
use std::sync::Arc;

pub(super) async fn revoke(
    State(app): State<Arc<App>>,
    admin: AdminProof,
    PathTenantAnd(tenant, key): PathTenantAnd,
    _query: NoQuery,
) -> Result<StatusCode, ApiError> {
    let key = ApiKeyId::parse(&key).map_err(|_| ApiError::NotFound("API key"))?;
    let revoked = app.store.api_key_revoke(&admin.scope(tenant), key).await?;
    app.api_keys.forget();
    match revoked {
        ApiKeyRevoked::Revoked | ApiKeyRevoked::Already => Ok(StatusCode::NO_CONTENT),
        ApiKeyRevoked::Unknown => Err(ApiError::NotFound("API key")),
    }
}

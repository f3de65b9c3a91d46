//! `GET /tenants/{tenant_id}`.

use super::TenantView;
use crate::app::App;
use crate::auth::AdminProof;
use crate::error::ApiError;
use crate::json::Json;
use crate::path::PathTenant;
use crate::query::NoQuery;
use axum::extract::State;
use std::sync::Arc;

pub(super) async fn get(
    State(app): State<Arc<App>>,
    _admin: AdminProof,
    PathTenant(tenant): PathTenant,
    _query: NoQuery,
) -> Result<Json<TenantView>, ApiError> {
    let tenant = app.store.tenant_get(&tenant).await?.ok_or(ApiError::NotFound("tenant"))?;
    Ok(Json(tenant.into()))
}

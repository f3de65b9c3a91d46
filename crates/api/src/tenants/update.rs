//! `PATCH /tenants/{tenant_id}`: what is absent stays as it is.

use super::{TenantView, keeping};
use crate::app::App;
use crate::auth::AdminProof;
use crate::body::Body;
use crate::error::ApiError;
use crate::fields::{Fields, read};
use crate::json::Json;
use crate::path::PathTenant;
use axum::extract::State;
use postrider_store::TenantPatch;
use std::sync::Arc;

pub(super) async fn update(
    State(app): State<Arc<App>>,
    _admin: AdminProof,
    PathTenant(tenant): PathTenant,
    Body(fields): Body,
) -> Result<Json<TenantView>, ApiError> {
    let patch = parse(fields)?;
    let tenant = app.store.tenant_update(&tenant, patch).await?;
    Ok(Json(tenant.ok_or(ApiError::NotFound("tenant"))?.into()))
}

fn parse(mut fields: Fields) -> Result<TenantPatch, ApiError> {
    let name = fields.optional("name", read::name);
    let keeping::Given { retention, hold } = keeping::read(&mut fields);
    fields.finish(|| Some(TenantPatch { name, retention, hold }))
}

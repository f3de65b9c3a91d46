//! `POST /tenants`: makes a tenant under an id that the operator chooses.

use super::TenantView;
use crate::app::App;
use crate::auth::AdminProof;
use crate::body::Body;
use crate::error::ApiError;
use crate::fields::{Fields, read};
use crate::json::Json;
use axum::extract::State;
use axum::http::StatusCode;
use postrider_common::tenant::NewTenant;
use postrider_contract::{Contracts, DEFAULT_CONTRACT};
use postrider_store::TenantCreated;
use std::sync::Arc;

pub(super) async fn create(
    State(app): State<Arc<App>>,
    _admin: AdminProof,
    Body(fields): Body,
) -> Result<(StatusCode, Json<TenantView>), ApiError> {
    let new = parse(fields, &app.contracts)?;
    match app.store.tenant_create(new).await? {
        TenantCreated::Created(tenant) => Ok((StatusCode::CREATED, Json(tenant.into()))),
        TenantCreated::Exists => Err(ApiError::TenantExists),
    }
}

fn parse(mut fields: Fields, contracts: &Contracts) -> Result<NewTenant, ApiError> {
    let known = |name: &str| match contracts.get(name) {
        Some(_) => Ok(name.to_owned()),
        None => Err(format!("must be one of {}", contracts.names().join(", "))),
    };
    let id = fields.required("id", read::tenant_id);
    let name = fields.required("name", read::name);
    let contract = fields.optional("contract", read::parsed(known));
    let contract = contract.unwrap_or_else(|| DEFAULT_CONTRACT.to_owned());
    fields.finish(|| Some(NewTenant { id: id?, name: name?, contract }))
}

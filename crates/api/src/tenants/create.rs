//! `POST /tenants`: makes a tenant under an id that the operator chooses.

use super::{TenantView, keeping};
use crate::app::App;
use crate::auth::AdminProof;
use crate::body::Body;
use crate::error::ApiError;
use crate::fields::{Fields, read};
use crate::json::Json;
use axum::extract::State;
use axum::http::StatusCode;
use postrider_common::keeping::{Days, Keeping};
use postrider_common::tenant::NewTenant;
use postrider_contract::{Contracts, DEFAULT_CONTRACT};
use postrider_store::TenantCreated;
use std::sync::Arc;

pub(super) async fn create(
    State(app): State<Arc<App>>,
    _admin: AdminProof,
    Body(fields): Body,
) -> Result<(StatusCode, Json<TenantView>), ApiError> {
    // The contract's file may have been written a moment ago. Failures are in the log.
    let _ = app.contracts.refresh().await;
    let new = parse(fields, &app.contracts.contracts())?;
    match app.store.tenant_create(new).await? {
        TenantCreated::Created(tenant) => Ok((StatusCode::CREATED, Json(tenant.into()))),
        TenantCreated::Exists => Err(ApiError::TenantExists),
    }
}

fn parse(mut fields: Fields, contracts: &Contracts) -> Result<NewTenant, ApiError> {
    let id = fields.required("id", read::tenant_id);
    let name = fields.required("name", read::name);
    let contract = fields.optional("contract", read::contract(contracts));
    let contract = contract.as_ref().map_or(DEFAULT_CONTRACT, |contract| contract.name());
    let given = keeping::read(&mut fields);
    let keeping =
        Keeping { retention: given.retention.flatten(), hold: given.hold.unwrap_or(Days::USUAL) };
    fields
        .finish(|| Some(NewTenant { id: id?, name: name?, contract: contract.to_owned(), keeping }))
}

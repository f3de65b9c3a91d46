//! `GET /webhooks/{id}/secret`: the one call besides creating that answers a secret. Who may only
//! read may not forge signatures, so it needs the scope to write.

use crate::app::App;
use crate::auth::{Caller, ToWrite};
use crate::error::ApiError;
use crate::json::Json;
use crate::path::PathId;
use axum::extract::State;
use postrider_common::seal::Owner;
use postrider_store::EndpointRef;
use secrecy::ExposeSecret as _;
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize)]
pub(super) struct SecretView {
    secret: String,
}

pub(super) async fn secret(
    State(app): State<Arc<App>>,
    caller: Caller<ToWrite>,
    PathId(id): PathId,
) -> Result<Json<SecretView>, ApiError> {
    let endpoint = app.store.endpoint_get(caller.scope(), &EndpointRef::new(id)).await?;
    let endpoint = endpoint.ok_or(ApiError::NotFound("webhook"))?;
    let owner = Owner { tenant: &endpoint.tenant, endpoint: endpoint.id };
    let secret = app.keyring.open(&endpoint.secret, owner)?;
    Ok(Json(SecretView { secret: secret.expose_secret().to_owned() }))
}

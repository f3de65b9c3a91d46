//! `POST /tenants/{tenant_id}/api-keys`: makes a key and answers it, this one time.

use super::ApiKeyView;
use crate::app::App;
use crate::auth::AdminProof;
use crate::body::Body;
use crate::error::ApiError;
use crate::fields::read;
use crate::json::Json;
use crate::path::PathTenant;
use axum::extract::State;
use axum::http::StatusCode;
use postrider_common::api_key::GeneratedKey;
use postrider_store::{ApiKeyCreated, NewApiKey};
use secrecy::ExposeSecret as _;
use std::sync::Arc;

pub(super) async fn create(
    State(app): State<Arc<App>>,
    admin: AdminProof,
    PathTenant(tenant): PathTenant,
    Body(mut fields): Body,
) -> Result<(StatusCode, Json<ApiKeyView>), ApiError> {
    let name = fields.required("name", read::name);
    let scopes = fields.required("scopes", read::scopes);
    let GeneratedKey { key, prefix, hash } = GeneratedKey::generate();
    let new = fields.finish(|| Some(NewApiKey { name: name?, scopes: scopes?, prefix, hash }))?;

    match app.store.api_key_create(&admin.scope(tenant), new).await? {
        ApiKeyCreated::Created(created) => {
            let key = Some(key.expose_secret().to_owned());
            let view = ApiKeyView { key, ..ApiKeyView::from(created) };
            Ok((StatusCode::CREATED, Json(view)))
        }
        ApiKeyCreated::UnknownTenant => Err(ApiError::NotFound("tenant")),
    }
}

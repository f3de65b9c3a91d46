//! `GET /webhooks/{id}`.

use super::WebhookView;
use crate::app::App;
use crate::auth::{Caller, ToRead};
use crate::error::ApiError;
use crate::json::Json;
use crate::path::PathId;
use axum::extract::State;
use postrider_store::EndpointRef;
use std::sync::Arc;

pub(super) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller<ToRead>,
    PathId(id): PathId,
) -> Result<Json<WebhookView>, ApiError> {
    let endpoint = app.store.endpoint_get(caller.scope(), &EndpointRef::new(id)).await?;
    let endpoint = endpoint.ok_or(ApiError::NotFound("webhook"))?;
    Ok(Json(endpoint.into()))
}

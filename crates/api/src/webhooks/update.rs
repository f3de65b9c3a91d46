//! `PUT` and `PATCH /webhooks/{id}`: both keep what is absent, as the products' documents have it.

use super::WebhookView;
use super::settings::Settings;
use crate::app::App;
use crate::auth::{Caller, ToWrite};
use crate::body::Body;
use crate::error::ApiError;
use crate::json::Json;
use crate::path::PathId;
use axum::extract::State;
use postrider_store::{EndpointPatch, EndpointRef, EndpointUpdated};
use std::sync::Arc;

pub(super) async fn update(
    State(app): State<Arc<App>>,
    caller: Caller<ToWrite>,
    PathId(id): PathId,
    Body(mut fields): Body,
) -> Result<Json<WebhookView>, ApiError> {
    let reference = EndpointRef::new(id);
    let found = app.store.endpoint_get(caller.scope(), &reference).await?;
    let contract = app.contract(&found.ok_or(ApiError::NotFound("webhook"))?.contract)?;
    let settings = Settings::read(&mut fields, contract, &app.guard).await;
    let patch = fields.finish(|| {
        Some(EndpointPatch {
            url: settings.url.map(|url| url.as_str().to_owned()),
            description: settings.description,
            events: settings.events,
            active: settings.is_active,
            retry_schedule: settings.retry_schedule,
            timeout: settings.timeout,
        })
    })?;
    match app.store.endpoint_update(caller.scope(), &reference, patch).await? {
        EndpointUpdated::Updated(endpoint) => Ok(Json((*endpoint).into())),
        EndpointUpdated::Unknown => Err(ApiError::NotFound("webhook")),
    }
}

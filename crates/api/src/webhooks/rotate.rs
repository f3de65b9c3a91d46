//! `POST /webhooks/{id}/secret/rotate`: a new secret, with the one before valid for a while.
//!
//! Which of the two signs while both are valid follows the contract, where requests are made.

use super::find;
use super::secrets::{self, SecretsView};
use crate::app::App;
use crate::auth::{Caller, ToWrite};
use crate::body::OptionalBody;
use crate::error::ApiError;
use crate::fields::read;
use crate::json::Json;
use crate::path::PathId;
use axum::extract::State;
use postrider_store::{EndpointRef, SecretRotated, SecretRotation};
use std::sync::Arc;
use std::time::Duration;

/// For how long both secrets are valid unless the caller says otherwise: a day.
const DEFAULT_OVERLAP: u32 = 24 * 60 * 60;
/// The longest that both may be: a week.
const MAX_OVERLAP: u32 = 7 * DEFAULT_OVERLAP;

pub(super) async fn rotate(
    State(app): State<Arc<App>>,
    caller: Caller<ToWrite>,
    PathId(id): PathId,
    OptionalBody(mut fields): OptionalBody,
) -> Result<Json<SecretsView>, ApiError> {
    let id = EndpointRef::new(id);
    let endpoint = find(&app, caller.scope(), &id).await?;
    let contract = app.contract(&endpoint.contract)?;
    let secret = secrets::read_first(&mut fields, &contract);
    let overlap = fields.optional("overlap_seconds", read::whole(0..=MAX_OVERLAP));
    fields.finish(|| Some(()))?;
    let secret = secret.unwrap_or_else(|| secrets::generate_first(&contract));
    let rotation = SecretRotation {
        secret: app.keyring.seal(&secret, secrets::owner(&endpoint))?,
        overlap: Duration::from_secs(overlap.unwrap_or(DEFAULT_OVERLAP).into()),
    };
    match app.store.secret_rotate(caller.scope(), &id, rotation).await? {
        SecretRotated::Rotated(endpoint) => SecretsView::stored(&app, &endpoint).map(Json),
        SecretRotated::UnderWay { until } => Err(ApiError::RotationUnderWay(until)),
        SecretRotated::Unknown => Err(ApiError::NotFound("webhook")),
    }
}

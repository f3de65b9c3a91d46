//! `GET /webhooks/{id}/secret`: the one call besides creating and rotating that answers secrets. Who
//! may only read may not forge signatures, so it needs the scope to write.

use super::find;
use super::secrets::SecretsView;
use crate::app::App;
use crate::auth::{Caller, ToWrite};
use crate::error::ApiError;
use crate::json::Json;
use crate::path::PathId;
use crate::query::NoQuery;
use axum::extract::State;
use postrider_store::EndpointRef;
use std::sync::Arc;

pub(super) async fn secret(
    State(app): State<Arc<App>>,
    caller: Caller<ToWrite>,
    PathId(id): PathId,
    _query: NoQuery,
) -> Result<Json<SecretsView>, ApiError> {
    let endpoint = find(&app, caller.scope(), &EndpointRef::new(id)).await?;
    SecretsView::stored(&app, &endpoint).map(Json)
}

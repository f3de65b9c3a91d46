//! `GET /replays/{id}`.

use super::{ReplayView, parse_id};
use crate::app::App;
use crate::auth::{Caller, ToRead};
use crate::error::ApiError;
use crate::json::Json;
use crate::path::PathId;
use crate::query::NoQuery;
use axum::extract::State;
use std::sync::Arc;

pub(super) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller<ToRead>,
    PathId(id): PathId,
    _query: NoQuery,
) -> Result<Json<ReplayView>, ApiError> {
    let found = app.store.replay_get(caller.scope(), parse_id(&id)?).await?;
    Ok(Json(found.ok_or(ApiError::NotFound("replay"))?.into()))
}

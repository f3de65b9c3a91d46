//! `GET /events/{id}`: by our id or the producer's own, with the payload.

use super::EventView;
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
) -> Result<Json<EventView>, ApiError> {
    let event = app.store.event_get(caller.scope(), &id).await?;
    let event = event.ok_or(ApiError::NotFound("event"))?;
    let contract = app.contract_of(caller.scope()).await?;
    Ok(Json(EventView::of_event(event, &contract)?))
}

//! `POST /events/{id}/cancel`: gives up all of an event's deliveries that are neither being sent nor
//! finished, and answers how many of each there were.

use crate::app::App;
use crate::auth::{Caller, ToWrite};
use crate::error::ApiError;
use crate::json::Json;
use crate::path::PathId;
use crate::query::NoQuery;
use axum::extract::State;
use postrider_store::EventCancelled;
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize)]
pub(super) struct CancelledView {
    cancelled: u64,
    in_flight: u64,
    finished: u64,
}

pub(super) async fn cancel(
    State(app): State<Arc<App>>,
    caller: Caller<ToWrite>,
    PathId(id): PathId,
    _query: NoQuery,
) -> Result<Json<CancelledView>, ApiError> {
    let done = app.store.event_cancel(caller.scope(), &id).await?;
    let EventCancelled { cancelled, in_flight, finished } =
        done.ok_or(ApiError::NotFound("event"))?;
    Ok(Json(CancelledView { cancelled, in_flight, finished }))
}

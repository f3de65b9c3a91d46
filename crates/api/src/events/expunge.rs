//! `DELETE /events/{id}/payload`: the payload is gone at once, here and in the log of what was answered;
//! what is still owed of it is cancelled.

use crate::app::App;
use crate::auth::{Caller, ToWrite};
use crate::error::ApiError;
use crate::path::PathId;
use crate::query::NoQuery;
use axum::extract::State;
use axum::http::StatusCode;
use postrider_store::Expunged;
use std::sync::Arc;

pub(super) async fn expunge(
    State(app): State<Arc<App>>,
    caller: Caller<ToWrite>,
    PathId(id): PathId,
    _query: NoQuery,
) -> Result<StatusCode, ApiError> {
    match app.store.event_expunge(caller.scope(), &id).await? {
        Expunged::Expunged => Ok(StatusCode::NO_CONTENT),
        Expunged::InFlight(deliveries) => Err(ApiError::PayloadInFlight(deliveries)),
        Expunged::Unknown => Err(ApiError::NotFound("event")),
    }
}

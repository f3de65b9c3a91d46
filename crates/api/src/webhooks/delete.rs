//! `DELETE /webhooks/{id}`: its log stays; what it was still owed becomes dead.

use crate::app::App;
use crate::auth::{Caller, ToWrite};
use crate::error::ApiError;
use crate::path::PathId;
use crate::query::NoQuery;
use axum::extract::State;
use axum::http::StatusCode;
use postrider_store::{EndpointDeleted, EndpointRef};
use std::sync::Arc;

pub(super) async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller<ToWrite>,
    PathId(id): PathId,
    _query: NoQuery,
) -> Result<StatusCode, ApiError> {
    match app.store.endpoint_delete(caller.scope(), &EndpointRef::new(id)).await? {
        EndpointDeleted::Deleted => Ok(StatusCode::NO_CONTENT),
        EndpointDeleted::Unknown => Err(ApiError::NotFound("webhook")),
    }
}

//! `GET /webhooks/{id}`.

use super::{answer, find};
use crate::app::App;
use crate::auth::{Caller, ToRead};
use crate::error::ApiError;
use crate::json::{Json, Ordered};
use crate::path::PathId;
use crate::query::NoQuery;
use axum::extract::State;
use postrider_store::EndpointRef;
use std::sync::Arc;

pub(super) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller<ToRead>,
    PathId(id): PathId,
    _query: NoQuery,
) -> Result<Json<Ordered>, ApiError> {
    let endpoint = find(&app, caller.scope(), &EndpointRef::new(id)).await?;
    answer(&app, &caller, &endpoint).await
}

//! `GET /deliveries/{id}`.

use super::{DeliveryView, find, parse_id};
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
) -> Result<Json<DeliveryView>, ApiError> {
    let delivery = find(&app, caller.scope(), parse_id(&id)?).await?;
    DeliveryView::of(&app, delivery).map(Json)
}

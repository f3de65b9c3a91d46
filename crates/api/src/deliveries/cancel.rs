//! `POST /deliveries/{id}/cancel`: gives up a delivery that is neither being sent nor finished, and
//! answers it.

use super::{DeliveryView, find, parse_id};
use crate::app::App;
use crate::auth::{Caller, ToWrite};
use crate::error::ApiError;
use crate::json::Json;
use crate::path::PathId;
use crate::query::NoQuery;
use axum::extract::State;
use postrider_store::Cancelled;
use std::sync::Arc;

pub(super) async fn cancel(
    State(app): State<Arc<App>>,
    caller: Caller<ToWrite>,
    PathId(id): PathId,
    _query: NoQuery,
) -> Result<Json<DeliveryView>, ApiError> {
    let id = parse_id(&id)?;
    match app.store.delivery_cancel(caller.scope(), id).await? {
        Cancelled::Cancelled => {}
        Cancelled::TooLate(state) => return Err(ApiError::NotCancellable(state)),
        Cancelled::Unknown => return Err(ApiError::NotFound("delivery")),
    }
    let delivery = find(&app, caller.scope(), id).await?;
    DeliveryView::of(&app, delivery).map(Json)
}

//! `POST /deliveries/{id}/replay`: makes a finished delivery due again, and answers it as it is now.

use super::{DeliveryView, find, parse_id};
use crate::app::App;
use crate::auth::{Caller, ToWrite};
use crate::error::ApiError;
use crate::json::Json;
use crate::path::PathId;
use axum::extract::State;
use axum::http::StatusCode;
use postrider_store::Replayed;
use std::sync::Arc;

pub(super) async fn replay(
    State(app): State<Arc<App>>,
    caller: Caller<ToWrite>,
    PathId(id): PathId,
) -> Result<(StatusCode, Json<DeliveryView>), ApiError> {
    let id = parse_id(&id)?;
    match app.store.delivery_replay(caller.scope(), id).await? {
        Replayed::Replayed => {}
        Replayed::NotFinished(state) => return Err(ApiError::NotFinished(state)),
        Replayed::EndpointDeleted => return Err(ApiError::EndpointDeleted),
        Replayed::Unknown => return Err(ApiError::NotFound("delivery")),
    }
    let delivery = find(&app, caller.scope(), id).await?;
    Ok((StatusCode::ACCEPTED, Json(DeliveryView::of(&app, delivery)?)))
}

//! `POST /dead-letters/{id}/discard` and `POST /dead-letters/discard`: takes one, or all that are meant,
//! off the queue without sending it.

use crate::app::App;
use crate::auth::{Caller, ToWrite};
use crate::body::OptionalBody;
use crate::deliveries::{self, DeliveryView};
use crate::error::ApiError;
use crate::json::Json;
use crate::path::PathId;
use crate::query::NoQuery;
use crate::selection;
use axum::extract::State;
use postrider_store::Discarded;
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize)]
pub(super) struct DiscardedView {
    discarded: u64,
    /// There may be more, for the same call once more.
    more: bool,
}

pub(super) async fn one(
    State(app): State<Arc<App>>,
    caller: Caller<ToWrite>,
    PathId(id): PathId,
    _query: NoQuery,
) -> Result<Json<DeliveryView>, ApiError> {
    let id = deliveries::parse_id(&id)?;
    match app.store.dead_letter_discard(caller.scope(), id).await? {
        Discarded::Discarded => {}
        Discarded::NotDead(state) => return Err(ApiError::NotDead(state)),
        Discarded::Unknown => return Err(ApiError::NotFound("delivery")),
    }
    let delivery = deliveries::find(&app, caller.scope(), id).await?;
    DeliveryView::of(&app, delivery).map(Json)
}

pub(super) async fn all(
    State(app): State<Arc<App>>,
    caller: Caller<ToWrite>,
    OptionalBody(mut fields): OptionalBody,
) -> Result<Json<DiscardedView>, ApiError> {
    let selection = selection::of_dead_letters(&mut fields);
    fields.finish(|| Some(()))?;
    let done = app.store.dead_letters_discard(caller.scope(), &selection).await?;
    Ok(Json(DiscardedView { discarded: done.count, more: done.may_be_more }))
}

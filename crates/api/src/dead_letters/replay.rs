//! `POST /dead-letters/{id}/replay` as the delivery's own, and `POST /dead-letters/replay`, which makes
//! a replay of all that are meant.

use crate::app::App;
use crate::auth::{Caller, ToWrite};
use crate::body::OptionalBody;
use crate::deliveries::{self, DeliveryView};
use crate::error::ApiError;
use crate::fields::read;
use crate::json::Json;
use crate::path::PathId;
use crate::replays::{self, RATES, ReplayView};
use crate::selection;
use axum::extract::State;
use axum::http::StatusCode;
use postrider_common::delivery::DeliveryState;
use postrider_store::{Ended, ReplayMode, Selection};
use std::sync::Arc;

pub(super) async fn one(
    State(app): State<Arc<App>>,
    caller: Caller<ToWrite>,
    PathId(id): PathId,
    OptionalBody(fields): OptionalBody,
) -> Result<(StatusCode, Json<DeliveryView>), ApiError> {
    let id = deliveries::parse_id(&id)?;
    let mode = deliveries::mode(fields)?;
    let delivery = deliveries::find(&app, caller.scope(), id).await?;
    if delivery.state != DeliveryState::Dead {
        return Err(ApiError::NotDead(delivery.state));
    }
    deliveries::make_due(&app, caller.scope(), id, mode).await
}

pub(super) async fn all(
    State(app): State<Arc<App>>,
    caller: Caller<ToWrite>,
    OptionalBody(mut fields): OptionalBody,
) -> Result<(StatusCode, Json<ReplayView>), ApiError> {
    let selection = selection::of_dead_letters(&mut fields);
    let selection = Selection { ended: Some(Ended::Dead), ..selection };
    let as_new = fields.optional("as_new", read::boolean).unwrap_or(false);
    let rate = fields.nullable("rate", read::whole(RATES)).flatten();
    fields.finish(|| Some(()))?;
    let mode = if as_new { ReplayMode::AsNew } else { ReplayMode::Again };
    replays::make(&app, caller.scope(), mode, selection, rate).await
}

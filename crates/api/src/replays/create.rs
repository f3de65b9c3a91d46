//! `POST /replays`: makes a replay, or with `dry_run` tells how many deliveries it would make due.

use super::{CountView, make, no_webhook};
use crate::app::App;
use crate::auth::{Caller, ToWrite};
use crate::body::Body;
use crate::error::ApiError;
use crate::fields::read;
use crate::json::Json;
use crate::selection;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use postrider_store::ReplayMode;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Deliveries per second that may be asked for.
pub(crate) const RATES: RangeInclusive<u32> = 1..=10_000;
/// Deliveries that a dry run looks at.
const COUNTED_IN_DRY_RUN: u32 = 1_000_000;

pub(super) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller<ToWrite>,
    Body(mut fields): Body,
) -> Result<Response, ApiError> {
    let mode = fields.optional("mode", read::parsed(mode)).unwrap_or(ReplayMode::Again);
    let selection = selection::of_replay(&mut fields, mode);
    let rate = fields.nullable("rate", read::whole(RATES)).flatten();
    let is_dry = fields.optional("dry_run", read::boolean).unwrap_or(false);
    fields.finish(|| Some(()))?;
    if !is_dry {
        let answer = make(&app, caller.scope(), mode, selection, rate).await?;
        return Ok(answer.into_response());
    }
    let counted = app.store.replay_count(caller.scope(), mode, &selection, COUNTED_IN_DRY_RUN);
    let counted = counted.await?.ok_or_else(no_webhook)?;
    Ok(Json(CountView::from(counted)).into_response())
}

fn mode(name: &str) -> Result<ReplayMode, String> {
    let names = ReplayMode::ALL.map(ReplayMode::as_str);
    ReplayMode::from_name(name).ok_or_else(|| format!("must be one of {}", names.join(", ")))
}

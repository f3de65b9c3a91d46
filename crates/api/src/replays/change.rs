//! `POST /replays/{id}/pause`, `/resume` and `/cancel`: each answers the replay as it stands then.

use super::{ReplayView, parse_id};
use crate::app::App;
use crate::auth::{Caller, ToWrite};
use crate::error::ApiError;
use crate::json::Json;
use crate::path::PathId;
use crate::query::NoQuery;
use axum::extract::State;
use postrider_common::tenant::TenantScope;
use postrider_store::{ReplayChanged, ReplayState};
use std::sync::Arc;

type Answer = Result<Json<ReplayView>, ApiError>;

pub(super) async fn pause(
    State(app): State<Arc<App>>,
    caller: Caller<ToWrite>,
    PathId(id): PathId,
    _query: NoQuery,
) -> Answer {
    change(&app, caller.scope(), &id, ReplayState::Paused).await
}

pub(super) async fn resume(
    State(app): State<Arc<App>>,
    caller: Caller<ToWrite>,
    PathId(id): PathId,
    _query: NoQuery,
) -> Answer {
    change(&app, caller.scope(), &id, ReplayState::Running).await
}

pub(super) async fn cancel(
    State(app): State<Arc<App>>,
    caller: Caller<ToWrite>,
    PathId(id): PathId,
    _query: NoQuery,
) -> Answer {
    change(&app, caller.scope(), &id, ReplayState::Cancelled).await
}

async fn change(app: &App, scope: &TenantScope, id: &str, to: ReplayState) -> Answer {
    match app.store.replay_change(scope, parse_id(id)?, to).await? {
        ReplayChanged::Changed(job) => Ok(Json((*job).into())),
        ReplayChanged::Over(state) => Err(ApiError::ReplayOver(state)),
        ReplayChanged::Unknown => Err(ApiError::NotFound("replay")),
    }
}

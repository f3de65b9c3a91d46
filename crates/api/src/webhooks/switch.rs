//! `POST /webhooks/{id}/pause`, `resume` and `enable`: the active field as calls. A webhook that was
//! switched off by us goes on by the same means as one that its owner paused.

use super::answer_updated;
use crate::app::App;
use crate::auth::{Caller, ToWrite};
use crate::error::ApiError;
use crate::json::{Json, Ordered};
use crate::path::PathId;
use crate::query::NoQuery;
use axum::extract::State;
use postrider_store::{EndpointPatch, EndpointRef};
use std::sync::Arc;

pub(super) async fn off(
    State(app): State<Arc<App>>,
    caller: Caller<ToWrite>,
    PathId(id): PathId,
    _query: NoQuery,
) -> Result<Json<Ordered>, ApiError> {
    switch(&app, &caller, id, false).await
}

pub(super) async fn on(
    State(app): State<Arc<App>>,
    caller: Caller<ToWrite>,
    PathId(id): PathId,
    _query: NoQuery,
) -> Result<Json<Ordered>, ApiError> {
    switch(&app, &caller, id, true).await
}

async fn switch(
    app: &App,
    caller: &Caller<ToWrite>,
    id: String,
    active: bool,
) -> Result<Json<Ordered>, ApiError> {
    let patch = EndpointPatch { active: Some(active), ..EndpointPatch::default() };
    let updated = app.store.endpoint_update(caller.scope(), &EndpointRef::new(id), patch).await?;
    answer_updated(app, caller, updated).await
}

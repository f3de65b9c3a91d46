//! `GET /replays`: newest first.

use super::ReplayView;
use crate::app::App;
use crate::auth::{Caller, ToRead};
use crate::error::ApiError;
use crate::json::Json;
use crate::list::{self, List};
use crate::query::ListQuery;
use axum::extract::State;
use std::sync::Arc;

pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller<ToRead>,
    query: ListQuery,
) -> Result<Json<List<ReplayView>>, ApiError> {
    let (mut fields, cursors) = query.open(&app, "replays", Some(caller.tenant()));
    let page = list::page(&mut fields, &cursors);
    fields.finish(|| Some(()))?;
    let page = app.store.replay_list(caller.scope(), page).await?;
    Ok(Json(List::of(page, &cursors, ReplayView::from)))
}

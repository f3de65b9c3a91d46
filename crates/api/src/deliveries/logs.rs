//! `GET /webhooks/{id}/logs`: a webhook's last attempts, a row for each.

use super::log_row::LogRow;
use crate::app::App;
use crate::auth::{Caller, ToRead};
use crate::error::ApiError;
use crate::json::Json;
use crate::list;
use crate::path::PathId;
use crate::query::ListQuery;
use axum::extract::State;
use postrider_store::EndpointRef;
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize)]
pub(super) struct LogsView {
    logs: Vec<LogRow>,
}

pub(super) async fn logs(
    State(app): State<Arc<App>>,
    caller: Caller<ToRead>,
    PathId(id): PathId,
    query: ListQuery,
) -> Result<Json<LogsView>, ApiError> {
    let mut fields = query.fields();
    let limit = list::limit(&mut fields);
    fields.finish(|| Some(()))?;

    let attempts = app.store.attempt_log(caller.scope(), &EndpointRef::new(id), limit).await?;
    let attempts = attempts.ok_or(ApiError::NotFound("webhook"))?;
    let rows = attempts.into_iter().map(|row| LogRow::of(&app, row.delivery, Some(&row.attempt)));
    Ok(Json(LogsView { logs: rows.collect::<Result<_, _>>()? }))
}

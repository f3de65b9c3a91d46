//! `GET /webhooks`: newest first.

use super::WebhookView;
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
) -> Result<Json<List<WebhookView>>, ApiError> {
    let (mut fields, cursors) = query.open(&app, "webhooks", Some(caller.tenant()));
    let page = list::page(&mut fields, &cursors);
    fields.finish(|| Some(()))?;
    let page = app.store.endpoint_list(caller.scope(), page).await?;
    Ok(Json(List::of(page, &cursors, WebhookView::from)))
}

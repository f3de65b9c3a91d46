//! `GET /events`: newest first, without payloads; `type` narrows it.

use super::EventView;
use crate::app::App;
use crate::auth::{Caller, ToRead};
use crate::error::ApiError;
use crate::fields::read;
use crate::json::Json;
use crate::list::{self, List};
use crate::query::ListQuery;
use axum::extract::State;
use postrider_store::EventFilterBy;
use std::sync::Arc;

pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller<ToRead>,
    query: ListQuery,
) -> Result<Json<List<EventView>>, ApiError> {
    let (mut fields, cursors) = query.open(&app, "events", Some(caller.tenant()));
    let page = list::page(&mut fields, &cursors);
    let event_type = fields.optional("type", read::event_type);
    let filter = fields.finish(|| Some(EventFilterBy { event_type }))?;

    let contract = app.contract_of(caller.scope()).await?;
    let page = app.store.event_list(caller.scope(), &filter, page).await?;
    Ok(Json(List::of(page, &cursors, |event| EventView::of_summary(event, &contract))))
}

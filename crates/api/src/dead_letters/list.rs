//! `GET /dead-letters`: newest first; narrowed as a replay is.

use crate::app::App;
use crate::auth::{Caller, ToRead};
use crate::deliveries::DeliveryView;
use crate::error::ApiError;
use crate::json::Json;
use crate::list::{self, List};
use crate::query::ListQuery;
use crate::selection;
use axum::extract::State;
use std::sync::Arc;

pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller<ToRead>,
    query: ListQuery,
) -> Result<Json<List<DeliveryView>>, ApiError> {
    let (mut fields, cursors) = query.open(&app, "dead-letters", Some(caller.tenant()));
    let page = list::page(&mut fields, &cursors);
    let selection = selection::of_query(&mut fields);
    fields.finish(|| Some(()))?;
    let page = app.store.dead_letter_list(caller.scope(), &selection, page).await?;
    List::try_of(page, &cursors, |delivery| DeliveryView::of(&app, delivery)).map(Json)
}

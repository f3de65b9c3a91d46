//! `GET /deliveries`: newest first; `webhook_id`, `event_id` and `status` narrow it.

use super::DeliveryView;
use crate::app::App;
use crate::auth::{Caller, ToRead};
use crate::error::ApiError;
use crate::fields::read;
use crate::json::Json;
use crate::list::{self, List};
use crate::query::ListQuery;
use axum::extract::State;
use postrider_common::delivery::DeliveryState;
use postrider_store::{DeliveryFilter, EndpointRef};
use std::sync::Arc;

pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller<ToRead>,
    query: ListQuery,
) -> Result<Json<List<DeliveryView>>, ApiError> {
    let (mut fields, cursors) = query.open(&app, "deliveries", Some(caller.tenant()));
    let page = list::page(&mut fields, &cursors);
    let endpoint = fields.optional("webhook_id", read::id_text).map(EndpointRef::new);
    let event = fields.optional("event_id", read::id_text);
    let state = fields.optional("status", read::parsed(state));
    fields.finish(|| Some(()))?;

    let mut filter = DeliveryFilter { endpoint, event: None, state };
    if let Some(event) = event {
        // The text may be our id or the producer's own, and only the store can tell.
        let Some(event) = app.store.event_get(caller.scope(), &event).await? else {
            return Ok(Json(List::whole(Vec::new())));
        };
        filter.event = Some(event.id);
    }
    let page = app.store.delivery_list(caller.scope(), &filter, page).await?;
    List::try_of(page, &cursors, |delivery| DeliveryView::of(&app, delivery)).map(Json)
}

fn state(name: &str) -> Result<DeliveryState, String> {
    let names = DeliveryState::ALL.map(DeliveryState::as_str).join(", ");
    DeliveryState::from_name(name).ok_or_else(|| format!("must be one of {names}"))
}

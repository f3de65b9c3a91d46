//! `GET /deliveries/{id}/attempts`: every request that was made, first to last, and its outcome.

use super::attempt_view::AttemptView;
use super::{find, parse_id};
use crate::app::App;
use crate::auth::{Caller, ToRead};
use crate::error::ApiError;
use crate::json::Json;
use crate::list::List;
use crate::path::PathId;
use crate::query::NoQuery;
use axum::extract::State;
use postrider_common::delivery::Delivery;
use postrider_common::event::Event;
use postrider_common::tenant::TenantScope;
use postrider_contract::DeliveryView;
use std::sync::Arc;

pub(super) async fn attempts(
    State(app): State<Arc<App>>,
    caller: Caller<ToRead>,
    PathId(id): PathId,
    _query: NoQuery,
) -> Result<Json<List<AttemptView>>, ApiError> {
    let delivery = find(&app, caller.scope(), parse_id(&id)?).await?;
    let body = request_body(&app, caller.scope(), &delivery).await?;
    let attempts = app.store.attempt_list(caller.scope(), delivery.id).await?;
    let show = |attempt| AttemptView::of(attempt, body.clone());
    Ok(Json(List::whole(attempts.into_iter().map(show).collect())))
}

/// What every attempt sent. It is not stored: the contract's version that is kept with the delivery
/// writes the same bytes from the event each time. `None` when event or version cannot be
/// found, or the payload was expunged.
async fn request_body(
    app: &App,
    scope: &TenantScope,
    delivery: &Delivery,
) -> Result<Option<Arc<str>>, ApiError> {
    let ours = delivery.event.to_string();
    let name = delivery.given_event_id.as_deref().unwrap_or(&ours);
    let event = app.store.event_get(scope, name).await?;
    // A producer may have given the text of our id to another event of its own.
    let has_body = |event: &Event| event.id == delivery.event && event.expunged_at.is_none();
    let Some(event) = event.filter(has_body) else {
        return Ok(None);
    };
    let contract = match delivery.contract_version {
        None => Some(app.contract(&delivery.contract)?),
        Some(version) => app.contracts.version(version).await?,
    };
    let Some(contract) = contract else {
        return Ok(None);
    };
    let body = contract.body(&DeliveryView {
        id: delivery.id.as_uuid(),
        endpoint_id: &delivery.endpoint,
        event: event.view(),
    })?;
    Ok(Some(String::from_utf8_lossy(&body).into()))
}

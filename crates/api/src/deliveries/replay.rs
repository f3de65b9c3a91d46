//! `POST /deliveries/{id}/replay`, and below a webhook: makes a finished delivery due again, or a new
//! one of the same event, and answers the delivery that is due.

use super::{DeliveryView, find, parse_id};
use crate::app::App;
use crate::auth::{Caller, ToWrite};
use crate::body::OptionalBody;
use crate::error::ApiError;
use crate::fields::{Fields, read};
use crate::json::Json;
use crate::path::{PathId, PathIds};
use axum::extract::State;
use axum::http::StatusCode;
use postrider_common::id::DeliveryId;
use postrider_common::tenant::TenantScope;
use postrider_store::{EndpointRef, Replayed, ReplayedAsNew};
use std::sync::Arc;

type Answer = Result<(StatusCode, Json<DeliveryView>), ApiError>;

/// What a receiver will make of it.
#[derive(Clone, Copy)]
pub(crate) enum Mode {
    /// The same delivery, which it may know and drop.
    Same,
    /// Another one, under an id of its own.
    AsNew,
}

pub(super) async fn replay(
    State(app): State<Arc<App>>,
    caller: Caller<ToWrite>,
    PathId(id): PathId,
    OptionalBody(fields): OptionalBody,
) -> Answer {
    let (id, mode) = (parse_id(&id)?, mode(fields)?);
    make_due(&app, caller.scope(), id, mode).await
}

/// Replays a delivery of one webhook; another webhook's is not found.
pub(super) async fn of_webhook(
    State(app): State<Arc<App>>,
    caller: Caller<ToWrite>,
    PathIds(webhook, id): PathIds,
    OptionalBody(fields): OptionalBody,
) -> Answer {
    let (id, mode) = (parse_id(&id)?, mode(fields)?);
    let endpoint = app.store.endpoint_get(caller.scope(), &EndpointRef::new(webhook)).await?;
    let endpoint = endpoint.ok_or(ApiError::NotFound("webhook"))?;
    let delivery = find(&app, caller.scope(), id).await?;
    if delivery.endpoint != endpoint.public_id {
        return Err(ApiError::NotFound("delivery"));
    }
    make_due(&app, caller.scope(), id, mode).await
}

pub(crate) fn mode(mut fields: Fields) -> Result<Mode, ApiError> {
    let as_new = fields.optional("as_new", read::boolean).unwrap_or(false);
    fields.finish(|| Some(if as_new { Mode::AsNew } else { Mode::Same }))
}

pub(crate) async fn make_due(app: &App, scope: &TenantScope, id: DeliveryId, mode: Mode) -> Answer {
    let due = match mode {
        Mode::Same => match app.store.delivery_replay(scope, id).await? {
            Replayed::Replayed => id,
            Replayed::NotFinished(state) => return Err(ApiError::NotFinished(state)),
            Replayed::EndpointDeleted => return Err(ApiError::EndpointDeleted),
            Replayed::PayloadExpunged => return Err(ApiError::PayloadExpunged),
            Replayed::Unknown => return Err(ApiError::NotFound("delivery")),
        },
        Mode::AsNew => match app.store.delivery_replay_as_new(scope, id).await? {
            ReplayedAsNew::Made(new) => new,
            ReplayedAsNew::NotFinished(state) => return Err(ApiError::NotFinished(state)),
            ReplayedAsNew::EndpointDeleted => return Err(ApiError::EndpointDeleted),
            ReplayedAsNew::PayloadExpunged => return Err(ApiError::PayloadExpunged),
            ReplayedAsNew::Unknown => return Err(ApiError::NotFound("delivery")),
        },
    };
    let delivery = find(app, scope, due).await?;
    Ok((StatusCode::ACCEPTED, Json(DeliveryView::of(app, delivery)?)))
}

//! `POST /webhooks/{id}/secret/activate`: the new secret alone is valid from now on. Where no
//! rotation is under way nothing changes, so that it can be asked twice.

use super::answer_updated;
use crate::app::App;
use crate::auth::{Caller, ToWrite};
use crate::error::ApiError;
use crate::json::{Json, Ordered};
use crate::path::PathId;
use crate::query::NoQuery;
use axum::extract::State;
use postrider_store::EndpointRef;
use std::sync::Arc;

pub(super) async fn activate(
    State(app): State<Arc<App>>,
    caller: Caller<ToWrite>,
    PathId(id): PathId,
    _query: NoQuery,
) -> Result<Json<Ordered>, ApiError> {
    let updated = app.store.secret_activate(caller.scope(), &EndpointRef::new(id)).await?;
    answer_updated(&app, &caller, updated).await
}

//! `/replays`: replays in bulk, as jobs. Replaying one delivery is that delivery's.

mod change;
mod create;
mod get;
mod list;

pub(crate) use create::RATES;

use crate::app::App;
use crate::error::ApiError;
use crate::fields::FieldError;
use crate::json::Json;
use crate::selection::SelectionView;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};
use postrider_common::id::ReplayId;
use postrider_common::tenant::TenantScope;
use postrider_store::{Counted, NewReplay, ReplayCreated, ReplayJob, ReplayMode, Selection};
use serde::Serialize;
use std::sync::Arc;
use time::OffsetDateTime;

/// Replays of a tenant that are not over.
const MAX_REPLAYS: u32 = 20;
/// Deliveries that are looked at to say how many a new replay means; it shows none if there are more.
const COUNTED_AT_CREATION: u32 = 200_000;
/// What a replay's id is shown with.
const PREFIX: &str = "replay_";

pub(crate) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/replays", get(list::list).post(create::create))
        .route("/replays/{id}", get(get::get))
        .route("/replays/{id}/pause", post(change::pause))
        .route("/replays/{id}/resume", post(change::resume))
        .route("/replays/{id}/cancel", post(change::cancel))
}

/// A replay, as answered.
#[derive(Serialize)]
pub(crate) struct ReplayView {
    id: String,
    mode: &'static str,
    filter: SelectionView,
    rate: Option<u32>,
    status: &'static str,
    matched: Option<u64>,
    replayed: u64,
    skipped: u64,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    updated_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    finished_at: Option<OffsetDateTime>,
}

impl From<ReplayJob> for ReplayView {
    fn from(job: ReplayJob) -> Self {
        Self {
            id: format!("{PREFIX}{}", job.id),
            mode: job.mode.as_str(),
            filter: job.selection.into(),
            rate: job.rate,
            status: job.state.as_str(),
            matched: job.matched,
            replayed: job.replayed,
            skipped: job.skipped,
            created_at: job.created_at,
            updated_at: job.updated_at,
            finished_at: job.finished_at,
        }
    }
}

/// How many there are, as answered.
#[derive(Serialize)]
pub(crate) struct CountView {
    count: u64,
    /// False if there may be more.
    exact: bool,
}

impl From<Counted> for CountView {
    fn from(counted: Counted) -> Self {
        Self { count: counted.count, exact: counted.is_exact }
    }
}

/// Makes a replay, having counted what it means.
pub(crate) async fn make(
    app: &App,
    scope: &TenantScope,
    mode: ReplayMode,
    selection: Selection,
    rate: Option<u32>,
) -> Result<(StatusCode, Json<ReplayView>), ApiError> {
    let counted = app.store.replay_count(scope, mode, &selection, COUNTED_AT_CREATION).await?;
    let counted = counted.ok_or_else(no_webhook)?;
    let matched = counted.is_exact.then_some(counted.count);
    let new = NewReplay { id: ReplayId::generate(), mode, selection, rate, matched };
    match app.store.replay_create(scope, new, MAX_REPLAYS).await? {
        ReplayCreated::Created(job) => Ok((StatusCode::ACCEPTED, Json((*job).into()))),
        ReplayCreated::TooMany { limit } => Err(ApiError::ReplayLimit(limit)),
        ReplayCreated::UnknownEndpoint => Err(no_webhook()),
    }
}

fn no_webhook() -> ApiError {
    ApiError::Validation(vec![FieldError::new("webhook_id", "names no webhook")])
}

/// The id in the path; what has not the form of one names nothing.
fn parse_id(text: &str) -> Result<ReplayId, ApiError> {
    ReplayId::parse(text).map_err(|_| ApiError::NotFound("replay"))
}

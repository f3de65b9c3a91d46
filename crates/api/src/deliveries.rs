//! `/deliveries`: what each endpoint is owed, and what became of it.

mod attempt_view;
mod attempts;
mod get;
mod list;
mod replay;

use crate::app::App;
use crate::error::ApiError;
use crate::events::shown_id;
use axum::Router;
use axum::routing::{get, post};
use postrider_common::attempt::FailureKind;
use postrider_common::delivery::{DeadReason, Delivery};
use postrider_common::id::DeliveryId;
use postrider_common::tenant::TenantScope;
use serde::Serialize;
use std::sync::Arc;
use time::OffsetDateTime;

pub(crate) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/deliveries", get(list::list))
        .route("/deliveries/{id}", get(get::get))
        .route("/deliveries/{id}/attempts", get(attempts::attempts))
        .route("/deliveries/{id}/replay", post(replay::replay))
}

/// A delivery, as answered.
#[derive(Serialize)]
struct DeliveryView {
    id: String,
    event_id: String,
    event_type: String,
    webhook_id: String,
    status: &'static str,
    dead_reason: Option<&'static str>,
    round: u32,
    attempts: u32,
    #[serde(with = "time::serde::rfc3339::option")]
    next_attempt_at: Option<OffsetDateTime>,
    last_status_code: Option<u16>,
    last_failure: Option<&'static str>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    finished_at: Option<OffsetDateTime>,
}

impl DeliveryView {
    fn of(app: &App, delivery: Delivery) -> Result<Self, ApiError> {
        let contract = app.contract(&delivery.contract)?;
        Ok(Self {
            id: contract.ids().delivery(delivery.id.as_uuid()),
            event_id: shown_id(contract, delivery.given_event_id, delivery.event),
            event_type: delivery.event_type.into(),
            webhook_id: delivery.endpoint,
            status: delivery.state.as_str(),
            dead_reason: delivery.dead_reason.map(DeadReason::as_str),
            round: delivery.round,
            attempts: delivery.attempts,
            next_attempt_at: delivery.next_attempt_at,
            last_status_code: delivery.last_status,
            last_failure: delivery.last_failure.map(FailureKind::as_str),
            created_at: delivery.created_at,
            finished_at: delivery.finished_at,
        })
    }
}

/// The id in the path; what has not the form of one names nothing.
fn parse_id(text: &str) -> Result<DeliveryId, ApiError> {
    DeliveryId::parse(text).map_err(|_| ApiError::NotFound("delivery"))
}

/// The caller's delivery of this id.
async fn find(app: &App, scope: &TenantScope, id: DeliveryId) -> Result<Delivery, ApiError> {
    app.store.delivery_get(scope, id).await?.ok_or(ApiError::NotFound("delivery"))
}

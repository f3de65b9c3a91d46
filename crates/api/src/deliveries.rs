//! `/deliveries`: what each endpoint is owed, and what became of it; and the same below `/webhooks`,
//! in the words of the products' documents.

mod attempt_view;
mod attempts;
mod cancel;
mod get;
mod list;
mod log_row;
mod logs;
mod page;
mod replay;

pub(crate) use replay::{make_due, mode};

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
        .route("/deliveries/{id}/cancel", post(cancel::cancel))
        .route("/deliveries/{id}/replay", post(replay::replay))
        .route("/webhooks/deliveries", get(list::list))
        .route("/webhooks/{id}/deliveries", get(page::page))
        .route("/webhooks/{id}/logs", get(logs::logs))
        .route("/webhooks/{id}/replay/{delivery_id}", post(replay::of_webhook))
}

/// A delivery, as answered.
#[derive(Serialize)]
pub(crate) struct DeliveryView {
    id: String,
    event_id: String,
    event_type: String,
    webhook_id: String,
    /// Somebody asked for it to be sent as a test.
    test: bool,
    ordering_key: Option<String>,
    /// The delivery whose turn comes before.
    waits_for: Option<String>,
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
    #[serde(with = "time::serde::rfc3339::option")]
    discarded_at: Option<OffsetDateTime>,
}

impl DeliveryView {
    pub(crate) fn of(app: &App, delivery: Delivery) -> Result<Self, ApiError> {
        let contract = app.contract(&delivery.contract)?;
        Ok(Self {
            id: contract.ids().delivery(delivery.id.as_uuid()),
            event_id: shown_id(&contract, delivery.given_event_id, delivery.event),
            event_type: delivery.event_type.into(),
            webhook_id: delivery.endpoint,
            test: delivery.test,
            ordering_key: delivery.ordering_key,
            waits_for: delivery.waits_for.map(|id| contract.ids().delivery(id.as_uuid())),
            status: delivery.state.as_str(),
            dead_reason: delivery.dead_reason.map(DeadReason::as_str),
            round: delivery.round,
            attempts: delivery.attempts,
            next_attempt_at: delivery.next_attempt_at,
            last_status_code: delivery.last_status,
            last_failure: delivery.last_failure.map(FailureKind::as_str),
            created_at: delivery.created_at,
            finished_at: delivery.finished_at,
            discarded_at: delivery.discarded_at,
        })
    }
}

/// The id in the path; what has not the form of one names nothing.
pub(crate) fn parse_id(text: &str) -> Result<DeliveryId, ApiError> {
    DeliveryId::parse(text).map_err(|_| ApiError::NotFound("delivery"))
}

/// The caller's delivery of this id.
pub(crate) async fn find(
    app: &App,
    scope: &TenantScope,
    id: DeliveryId,
) -> Result<Delivery, ApiError> {
    app.store.delivery_get(scope, id).await?.ok_or(ApiError::NotFound("delivery"))
}

//! `/webhooks`: a tenant's endpoints, under the name that the products' documents give them.

mod create;
mod delete;
mod get;
mod list;
mod secret;
mod settings;
mod update;

use crate::app::App;
use axum::Router;
use axum::routing::get;
use postrider_common::endpoint::{Disabled, Endpoint};
use serde::Serialize;
use std::sync::Arc;
use time::OffsetDateTime;

pub(crate) fn router() -> Router<Arc<App>> {
    let one = get(get::get).put(update::update).patch(update::update).delete(delete::delete);
    Router::new()
        .route("/webhooks", get(list::list).post(create::create))
        .route("/webhooks/{id}", one)
        .route("/webhooks/{id}/secret", get(secret::secret))
}

/// A webhook, as answered; with its secret only by the call that makes it.
#[derive(Serialize)]
struct WebhookView {
    id: String,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    events: Vec<String>,
    is_active: bool,
    /// Seconds; `null` is the contract's.
    timeout: Option<u64>,
    /// Seconds; `null` is the contract's.
    retry_schedule: Option<Vec<u32>>,
    description: String,
    disabled: Option<DisabledView>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    updated_at: OffsetDateTime,
}

/// That and since when a webhook is switched off by us.
#[derive(Serialize)]
struct DisabledView {
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
    reason: &'static str,
}

impl From<Endpoint> for WebhookView {
    fn from(endpoint: Endpoint) -> Self {
        let disabled = |Disabled { at, reason }| DisabledView { at, reason: reason.as_str() };
        Self {
            id: endpoint.public_id,
            url: endpoint.url,
            secret: None,
            events: endpoint.events.names().to_vec(),
            is_active: endpoint.active,
            timeout: endpoint.timeout.map(|timeout| timeout.as_secs()),
            retry_schedule: endpoint.retry_schedule.map(|delays| delays.seconds().to_vec()),
            description: endpoint.description,
            disabled: endpoint.disabled.map(disabled),
            created_at: endpoint.created_at,
            updated_at: endpoint.updated_at,
        }
    }
}

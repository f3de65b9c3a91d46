//! `/webhooks`: a tenant's endpoints, under the name that the products' documents give them, and in
//! the words of the tenant's own (`account`). Other base paths lead here, too (`base_path`).

mod activate;
mod create;
mod delete;
mod get;
mod import;
mod list;
mod rotate;
mod secret;
mod secrets;
mod settings;
mod switch;
mod update;
mod view;

use crate::account::Account;
use crate::app::App;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::json::{Json, Ordered};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use postrider_common::endpoint::Endpoint;
use postrider_common::tenant::TenantScope;
use postrider_store::{EndpointRef, EndpointUpdated};
use std::sync::Arc;
use view::View;

pub(crate) fn router() -> Router<Arc<App>> {
    let one = get(get::get).put(update::update).patch(update::update).delete(delete::delete);
    Router::new()
        .route("/webhooks", get(list::list).post(create::create))
        .route("/webhooks/{id}", one)
        .route("/webhooks/{id}/pause", post(switch::off))
        .route("/webhooks/{id}/resume", post(switch::on))
        .route("/webhooks/{id}/enable", post(switch::on))
        .route("/webhooks/{id}/secret", get(secret::secret))
        .route("/webhooks/{id}/secret/rotate", post(rotate::rotate))
        .route("/webhooks/{id}/secret/activate", post(activate::activate))
        .route(
            "/tenants/{tenant_id}/import",
            post(import::import).layer(DefaultBodyLimit::max(import::MAX_BYTES)),
        )
}

/// The tenant's endpoint of this id.
async fn find(app: &App, scope: &TenantScope, id: &EndpointRef) -> Result<Endpoint, ApiError> {
    app.store.endpoint_get(scope, id).await?.ok_or(ApiError::NotFound("webhook"))
}

/// Answers an endpoint as it is, without its secrets.
async fn answer<N>(
    app: &App,
    caller: &Caller<N>,
    endpoint: &Endpoint,
) -> Result<Json<Ordered>, ApiError> {
    let account = Account::of(app, caller).await?;
    let statistics = app.store.endpoint_statistics(caller.scope(), &[endpoint.id]).await?;
    let statistics = statistics.get(&endpoint.id).copied().unwrap_or_default();
    let contract = app.contract(&endpoint.contract)?;
    let breakers = app.store.endpoint_breakers(caller.scope(), &[endpoint.id]).await?;
    let breaker = breakers.get(&endpoint.id).copied();
    let view = View { words: &account.words, contract: &contract, endpoint, statistics, breaker };
    Ok(Json(view.show(None)))
}

/// Answers an endpoint that was changed.
async fn answer_updated<N>(
    app: &App,
    caller: &Caller<N>,
    updated: EndpointUpdated,
) -> Result<Json<Ordered>, ApiError> {
    match updated {
        EndpointUpdated::Updated(endpoint) => answer(app, caller, &endpoint).await,
        EndpointUpdated::Unknown => Err(ApiError::NotFound("webhook")),
    }
}

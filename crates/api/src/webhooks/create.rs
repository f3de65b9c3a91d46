//! `POST /webhooks`: makes a webhook and answers its secret.

use super::WebhookView;
use super::settings::Settings;
use crate::app::App;
use crate::auth::{Caller, ToWrite};
use crate::body::Body;
use crate::error::ApiError;
use crate::fields::{Fields, read};
use crate::json::Json;
use axum::extract::State;
use axum::http::StatusCode;
use postrider_common::endpoint::EventFilter;
use postrider_common::id::EndpointId;
use postrider_common::seal::Owner;
use postrider_contract::Contract;
use postrider_egress::TargetUrl;
use postrider_store::{EndpointCreated, NewEndpoint};
use secrecy::{ExposeSecret as _, SecretString};
use std::sync::Arc;

/// What the caller asks for.
struct Wanted {
    url: TargetUrl,
    secret: SecretString,
    settings: Settings,
}

pub(super) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller<ToWrite>,
    Body(fields): Body,
) -> Result<(StatusCode, Json<WebhookView>), ApiError> {
    let contract = app.contract_of(caller.scope()).await?;
    let Wanted { url, secret, settings } = parse(fields, contract, &app).await?;
    let id = EndpointId::generate();
    let new = NewEndpoint {
        id,
        public_id: contract.ids().endpoint(id.as_uuid()),
        url: url.as_str().to_owned(),
        description: settings.description.unwrap_or_default(),
        events: settings.events.unwrap_or_else(EventFilter::every),
        secret: app.keyring.seal(&secret, Owner { tenant: caller.tenant(), endpoint: id })?,
        active: settings.is_active.unwrap_or(true),
        retry_schedule: settings.retry_schedule.flatten(),
        timeout: settings.timeout.flatten(),
    };
    match app.store.endpoint_create(caller.scope(), new, app.max_endpoints).await? {
        EndpointCreated::Created(endpoint) => {
            let secret = Some(secret.expose_secret().to_owned());
            let view = WebhookView { secret, ..WebhookView::from(*endpoint) };
            Ok((StatusCode::CREATED, Json(view)))
        }
        EndpointCreated::TooMany { limit } => Err(ApiError::EndpointLimit(limit)),
        EndpointCreated::UnknownTenant => Err(ApiError::NotFound("tenant")),
    }
}

async fn parse(mut fields: Fields, contract: &Contract, app: &App) -> Result<Wanted, ApiError> {
    fields.require("url");
    let mut settings = Settings::read(&mut fields, contract, &app.guard).await;
    let secret = fields.optional("secret", read::secret(contract));
    let secret = secret.unwrap_or_else(|| contract.secret_from_random(&rand::random()));
    fields.finish(|| Some(Wanted { url: settings.url.take()?, secret, settings }))
}

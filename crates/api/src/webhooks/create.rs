//! `POST /webhooks`: makes a webhook and answers its secrets.

use super::secrets::{self, SecretsView};
use super::settings::{Rules, Settings, read_contract};
use super::view::View;
use crate::account::Account;
use crate::app::App;
use crate::auth::{Caller, ToWrite};
use crate::body::Body;
use crate::error::ApiError;
use crate::fields::Fields;
use crate::json::{Json, Ordered};
use axum::extract::State;
use axum::http::StatusCode;
use postrider_common::endpoint::EventFilter;
use postrider_common::id::EndpointId;
use postrider_common::ordering::EndpointOrdering;
use postrider_common::seal::Owner;
use postrider_common::tenant::TenantId;
use postrider_contract::{BackoffOverrides, Contract, SecretSource};
use postrider_egress::TargetUrl;
use postrider_store::{EndpointCreated, EndpointStatistics, NewEndpoint};
use secrecy::SecretString;
use std::sync::Arc;

/// What the caller asks for.
pub(super) struct Wanted {
    pub(super) own_contract: Option<Arc<Contract>>,
    pub(super) url: TargetUrl,
    pub(super) settings: Settings,
}

/// A webhook's secrets, still open.
pub(super) struct Secrets {
    pub(super) first: SecretString,
    pub(super) second: Option<SecretString>,
}

pub(super) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller<ToWrite>,
    Body(fields): Body,
) -> Result<(StatusCode, Json<Ordered>), ApiError> {
    let account = Account::of(&app, &caller).await?;
    let mut wanted = parse(fields, &account, &app).await?;
    let contract = Arc::clone(wanted.own_contract.as_ref().unwrap_or(&account.contract));
    let secrets = wanted.take_secrets(&contract);
    let new = wanted.endpoint(&app, caller.tenant(), &contract, &secrets)?;
    match app.store.endpoint_create(caller.scope(), new, app.max_endpoints).await? {
        EndpointCreated::Created(endpoint) => {
            let statistics = EndpointStatistics::default();
            let (words, endpoint) = (&account.words, &*endpoint);
            let view = View { words, contract: &contract, endpoint, statistics, breaker: None };
            let secrets = SecretsView::of(&contract, &secrets.first, secrets.second.as_ref());
            Ok((StatusCode::CREATED, Json(view.show(Some(secrets)))))
        }
        EndpointCreated::TooMany { limit } => Err(ApiError::EndpointLimit(limit)),
        EndpointCreated::Exists(_) => Err(ApiError::Defect("a new endpoint's id exists")),
        EndpointCreated::UnknownTenant => Err(ApiError::NotFound("tenant")),
    }
}

async fn parse(mut fields: Fields, account: &Account, app: &App) -> Result<Wanted, ApiError> {
    fields.require("url");
    if account.contract.api().secret_source() == SecretSource::Required {
        fields.require("secret");
    }
    let own_contract = read_contract(&mut fields, app).await.flatten();
    let contract = own_contract.as_deref().unwrap_or(&account.contract);
    let rules = Rules { words: &account.words, contract, guard: &app.guard, present: None };
    let mut settings = Settings::read(&mut fields, &rules).await;
    fields.finish(|| Some(Wanted { url: settings.url.take()?, own_contract, settings }))
}

impl Wanted {
    /// The secrets that were given; others are generated.
    pub(super) fn take_secrets(&mut self, contract: &Contract) -> Secrets {
        let Settings { secret, second_secret, .. } = &mut self.settings;
        Secrets {
            first: secret.take().unwrap_or_else(|| secrets::generate_first(contract)),
            second: second_secret.take().or_else(|| secrets::generate_second(contract)),
        }
    }

    /// The endpoint to make, under a new id, with its secrets sealed.
    pub(super) fn endpoint(
        self,
        app: &App,
        tenant: &TenantId,
        contract: &Contract,
        secrets: &Secrets,
    ) -> Result<NewEndpoint, ApiError> {
        let id = EndpointId::generate();
        let owner = Owner { tenant, endpoint: id };
        let second = secrets.second.as_ref().map(|second| app.keyring.seal(second, owner));
        let settings = self.settings;
        Ok(NewEndpoint {
            id,
            public_id: contract.ids().endpoint(id.as_uuid()),
            contract: self.own_contract.map(|own| own.name().to_owned()),
            url: self.url.as_str().to_owned(),
            description: settings.description.unwrap_or_default(),
            events: settings.events.unwrap_or_else(EventFilter::every),
            secret: app.keyring.seal(&secrets.first, owner)?,
            second_secret: second.transpose()?,
            active: settings.active.unwrap_or(true),
            auto_enable: settings.auto_enable.unwrap_or_default(),
            ordering: EndpointOrdering {
                by_key: settings.ordered_by_key.unwrap_or_default(),
                on_failure: settings.ordering_on_failure.unwrap_or_default(),
            },
            retry_schedule: settings.retry_schedule.flatten(),
            backoff: BackoffOverrides {
                max_retries: settings.max_retries.flatten(),
                first_delay: settings.first_delay.flatten(),
                factor: settings.factor.flatten(),
            },
            timeout: settings.timeout.flatten(),
            rate_limit: settings.rate_limit.flatten(),
            created_at: None,
        })
    }
}

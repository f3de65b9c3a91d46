//! `PUT` and `PATCH /webhooks/{id}`: both keep what is absent, as the products' documents have it.

use super::secrets;
use super::settings::{Rules, Settings, http_rule, read_contract};
use super::{answer_updated, find};
use crate::account::Account;
use crate::app::App;
use crate::auth::{Caller, ToWrite};
use crate::body::Body;
use crate::error::ApiError;
use crate::fields::Fields;
use crate::json::{Json, Ordered};
use crate::path::PathId;
use axum::extract::State;
use postrider_common::endpoint::Endpoint;
use postrider_common::seal::Sealed;
use postrider_contract::Contract;
use postrider_store::{EndpointPatch, EndpointRef};
use secrecy::SecretString;
use std::sync::Arc;

pub(super) async fn update(
    State(app): State<Arc<App>>,
    caller: Caller<ToWrite>,
    PathId(id): PathId,
    Body(fields): Body,
) -> Result<Json<Ordered>, ApiError> {
    let id = EndpointRef::new(id);
    let present = find(&app, caller.scope(), &id).await?;
    let account = Account::of(&app, &caller).await?;
    let patch = Change { app: &app, account: &account, present: &present }.read(fields).await?;
    let updated = app.store.endpoint_update(caller.scope(), &id, patch).await?;
    answer_updated(&app, &caller, updated).await
}

/// A change that is being read, and what it is judged by.
struct Change<'a> {
    app: &'a App,
    account: &'a Account,
    present: &'a Endpoint,
}

impl Change<'_> {
    async fn read(&self, mut fields: Fields) -> Result<EndpointPatch, ApiError> {
        let Self { app, account, present } = self;
        let own = read_contract(&mut fields, app).await;
        let contract = match &own {
            Some(Some(own)) => Arc::clone(own),
            Some(None) => Arc::clone(&account.contract),
            None => app.contract(&present.contract)?,
        };
        let moves = contract.name() != present.contract;
        let (keeps_url, keeps_secret) = (!fields.has("url"), !fields.has("secret"));
        let (words, guard) = (&account.words, &app.guard);
        let rules = Rules { words, contract: &contract, guard, present: Some(present) };
        let settings = Settings::read(&mut fields, &rules).await;
        if moves && keeps_url {
            self.judge_url(&mut fields, &contract);
        }
        let replacing = if moves && keeps_secret {
            self.judge_secrets(&mut fields, &contract)?
        } else {
            settings.secret.as_ref().map(|secret| self.seal(secret)).transpose()?
        };
        let mut patch = fields.finish(|| Some(patch(&settings)))?;
        patch.contract = own.map(|own| own.map(|own| own.name().to_owned()));
        patch.secret = replacing;
        patch.second_secret = self.second_secret(&contract, &settings)?.map(Some);
        if moves && contract.backoff().is_none() {
            (patch.max_retries, patch.first_delay) = (Some(None), Some(None));
            patch.factor = Some(None);
        }
        Ok(patch)
    }

    /// Judges the URL that stays by the rules of another contract.
    fn judge_url(&self, fields: &mut Fields, contract: &Contract) {
        if let Err(refusal) = self.app.guard.parse(&self.present.url, http_rule(contract)) {
            let name = contract.name();
            fields
                .refuse("url", format!("must be given along with the contract {name}: {refusal}"));
        }
    }

    /// Judges the secret that stays by the form of another contract. An older one of another form
    /// ends: then the secret is given as one that replaces it.
    fn judge_secrets(
        &self,
        fields: &mut Fields,
        contract: &Contract,
    ) -> Result<Option<Sealed>, ApiError> {
        let Self { app, present, .. } = self;
        if let Err(form) = contract.signing_key(&secrets::open(app, present, &present.secret)?) {
            let name = contract.name();
            let rule =
                format!("must be given along with the contract {name}: the one it has {form}");
            fields.refuse("secret", rule);
        }
        let Some(previous) = &present.previous_secret else {
            return Ok(None);
        };
        let fits = contract.signing_key(&secrets::open(app, present, &previous.secret)?).is_ok();
        Ok((!fits).then(|| present.secret.clone()))
    }

    /// The second secret that was given; else a new one where the contract has one and none is there
    /// in its form.
    fn second_secret(
        &self,
        contract: &Contract,
        settings: &Settings,
    ) -> Result<Option<Sealed>, ApiError> {
        if let Some(given) = &settings.second_secret {
            return self.seal(given).map(Some);
        }
        let Some(new) = secrets::generate_second(contract) else {
            return Ok(None);
        };
        if let Some(stored) = &self.present.second_secret {
            let stored = secrets::open(self.app, self.present, stored)?;
            if contract.second_signing_key(&stored).is_ok() {
                return Ok(None);
            }
        }
        self.seal(&new).map(Some)
    }

    fn seal(&self, secret: &SecretString) -> Result<Sealed, ApiError> {
        Ok(self.app.keyring.seal(secret, secrets::owner(self.present))?)
    }
}

/// What is changed beside contract and secrets.
fn patch(settings: &Settings) -> EndpointPatch {
    EndpointPatch {
        url: settings.url.as_ref().map(|url| url.as_str().to_owned()),
        description: settings.description.clone(),
        events: settings.events.clone(),
        active: settings.active,
        auto_enable: settings.auto_enable,
        ordered_by_key: settings.ordered_by_key,
        ordering_on_failure: settings.ordering_on_failure,
        retry_schedule: settings.retry_schedule.clone(),
        max_retries: settings.max_retries,
        first_delay: settings.first_delay,
        factor: settings.factor,
        timeout: settings.timeout,
        rate_limit: settings.rate_limit.clone(),
        ..EndpointPatch::default()
    }
}

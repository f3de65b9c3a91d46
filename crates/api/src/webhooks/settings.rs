//! The fields that creating and changing a webhook have in common, by the words of the caller's
//! documents and the rules of the endpoint's contract.

use super::secrets;
use crate::app::App;
use crate::fields::{Fields, read};
use postrider_common::endpoint::{Endpoint, EventFilter};
use postrider_common::ordering::OnFailure;
use postrider_contract::{
    ApiField, BackoffOverrides, Contract, ManagementApi, OwnRateLimit, RetrySchedule,
};
use postrider_egress::{Guard, HttpRule, TargetUrl};
use secrecy::SecretString;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// The two words for whether an endpoint is on.
const ACTIVE_WORDS: [&str; 2] = ["active", "is_active"];

/// What the caller set; absent fields are `None`, the inner `None` stands for `null`.
#[expect(clippy::option_option, reason = "absent, null and a value are three things")]
pub(super) struct Settings {
    pub(super) url: Option<TargetUrl>,
    pub(super) events: Option<EventFilter>,
    pub(super) description: Option<String>,
    pub(super) active: Option<bool>,
    pub(super) auto_enable: Option<bool>,
    pub(super) ordered_by_key: Option<bool>,
    pub(super) ordering_on_failure: Option<OnFailure>,
    pub(super) retry_schedule: Option<Option<RetrySchedule>>,
    pub(super) max_retries: Option<Option<u32>>,
    pub(super) first_delay: Option<Option<u32>>,
    pub(super) factor: Option<Option<f64>>,
    pub(super) timeout: Option<Option<Duration>>,
    pub(super) rate_limit: Option<Option<OwnRateLimit>>,
    pub(super) secret: Option<SecretString>,
    pub(super) second_secret: Option<SecretString>,
}

/// What the fields are read by.
pub(super) struct Rules<'a> {
    /// The words of who asks.
    pub(super) words: &'a ManagementApi,
    /// The contract that the endpoint will have.
    pub(super) contract: &'a Contract,
    /// Which URLs there may be.
    pub(super) guard: &'a Guard,
    /// The endpoint as it is, if there is one.
    pub(super) present: Option<&'a Endpoint>,
}

impl Settings {
    /// Reads the fields. The URL is judged as it will be when requests are sent, its host's
    /// addresses too.
    pub(super) async fn read(fields: &mut Fields, rules: &Rules<'_>) -> Self {
        let Rules { words, contract, guard, present } = rules;
        let retry_schedule = fields.nullable("retry_schedule", read::retry_schedule);
        let other_schedule = match &retry_schedule {
            Some(given) => given.is_some(),
            None => present.is_some_and(|endpoint| endpoint.retry_schedule.is_some()),
        };
        let mut own = |name, read| read_own(fields, name, contract, other_schedule, read);
        let max_retries = own("max_retries", read::max_retries);
        let first_delay = own("retry_first_delay", read::first_delay);
        let factor = own("retry_factor", read::factor);
        Self {
            url: read_url(fields, contract, guard).await,
            events: fields.optional("events", read::events),
            description: fields.optional("description", read::description),
            active: read_active(fields, words),
            auto_enable: fields.optional("auto_enable", read::boolean),
            ordered_by_key: fields.nullable("ordering", read::ordering).map(|own| own.is_some()),
            ordering_on_failure: fields.optional("ordering_on_failure", read::on_failure),
            retry_schedule,
            max_retries: max_retries.map(|own| own?.max_retries),
            first_delay: first_delay.map(|own| own?.first_delay),
            factor: factor.map(|own| own?.factor),
            timeout: fields.nullable("timeout", read::timeout),
            rate_limit: fields.nullable("rate_limit", read::rate_limit),
            secret: secrets::read_first(fields, contract),
            second_secret: secrets::read_second(fields, contract),
        }
    }
}

/// Reads `contract`, the endpoint's own; `null` is the tenant's.
pub(super) async fn read_contract(fields: &mut Fields, app: &App) -> Option<Option<Arc<Contract>>> {
    if fields.has("contract") {
        // Its file may have been written a moment ago. Failures are in the log.
        let _ = app.contracts.refresh().await;
    }
    fields.nullable("contract", read::contract(&app.contracts.contracts()))
}

/// Whether the contract lets its endpoints have plain http.
pub(super) fn http_rule(contract: &Contract) -> HttpRule {
    if contract.allows_http() { HttpRule::Allowed } else { HttpRule::Refused }
}

async fn read_url(fields: &mut Fields, contract: &Contract, guard: &Guard) -> Option<TargetUrl> {
    let parse = read::parsed(|text| guard.parse(text, http_rule(contract)));
    let url = fields.optional("url", parse)?;
    match guard.vet_host(&url).await {
        Ok(()) => Some(url),
        Err(refusal) => {
            fields.refuse("url", refusal.to_string());
            None
        }
    }
}

/// Reads whether it is on, under the word that the caller's documents have.
fn read_active(fields: &mut Fields, words: &ManagementApi) -> Option<bool> {
    let word = words.field_name(ApiField::Active);
    for other in ACTIVE_WORDS.into_iter().filter(|other| *other != word) {
        let rule = if fields.has(word) {
            format!("must not stand beside `{word}`, which says the same")
        } else {
            format!("is not known here: it is called `{word}`")
        };
        let _refused: Option<()> = fields.optional(other, |_| Err(rule));
    }
    fields.optional(word, read::boolean)
}

type ReadOwn = fn(&Value) -> Result<BackoffOverrides, String>;

/// Reads one of the endpoint's own numbers in an exponential schedule.
#[expect(clippy::option_option, reason = "absent, null and a value are three things")]
fn read_own(
    fields: &mut Fields,
    name: &str,
    contract: &Contract,
    other_schedule: bool,
    read: ReadOwn,
) -> Option<Option<BackoffOverrides>> {
    fields.nullable(name, |value| match contract.backoff() {
        None => {
            let contract = contract.name();
            Err(format!("cannot be chosen with the contract {contract}; retry_schedule can"))
        }
        Some(_) if other_schedule => {
            Err("means nothing beside the webhook's own retry_schedule, unless that is null".into())
        }
        Some(backoff) => read::in_backoff(backoff, read)(value),
    })
}

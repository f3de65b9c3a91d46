//! A webhook, as answered: first the fields that the caller's documents show, in their order and under
//! their names, then all others.

use super::secrets::SecretsView;
use crate::json::Ordered;
use crate::moment::Moment;
use postrider_common::endpoint::{Disabled, Endpoint};
use postrider_common::ordering::BY_KEY;
use postrider_contract::{
    ApiField, Backoff, Contract, ManagementApi, OwnRateLimit, RateWindow, RetrySchedule,
};
use postrider_store::{Breaker, EndpointStatistics};
use serde_json::{Value, json};

/// The fields that documents may show, in the order of those that show none of them.
const FIELDS: [ApiField; 12] = [
    ApiField::Id,
    ApiField::Url,
    ApiField::Secret,
    ApiField::Events,
    ApiField::Active,
    ApiField::Description,
    ApiField::MaxRetries,
    ApiField::Timeout,
    ApiField::CreatedAt,
    ApiField::LastDelivery,
    ApiField::DeliveryCount,
    ApiField::FailureCount,
];

/// A webhook that is to be shown.
pub(super) struct View<'a> {
    /// The words of who asks.
    pub(super) words: &'a ManagementApi,
    /// The endpoint's contract, which says what it has not of its own.
    pub(super) contract: &'a Contract,
    /// The endpoint.
    pub(super) endpoint: &'a Endpoint,
    /// What was sent to it.
    pub(super) statistics: EndpointStatistics,
    /// What was withheld from it, or is.
    pub(super) breaker: Option<Breaker>,
}

impl View<'_> {
    /// The answer; with its secrets only from the call that makes it.
    pub(super) fn show(&self, secrets: Option<SecretsView>) -> Ordered {
        let mut answer = Ordered::default();
        for field in self.words.answer_fields().iter().chain(&FIELDS) {
            let value = match (field, &secrets) {
                (ApiField::Secret, None) => continue,
                (ApiField::Secret, Some(secrets)) => secrets.secret.as_str().into(),
                (field, _) => self.value(*field),
            };
            answer.add(self.words.field_name(*field), value);
        }
        if let Some(secrets) = secrets {
            secrets.add_further(&mut answer);
        }
        self.add_further(&mut answer);
        answer
    }

    fn value(&self, field: ApiField) -> Value {
        let (endpoint, statistics) = (self.endpoint, &self.statistics);
        match field {
            ApiField::Id => endpoint.public_id.as_str().into(),
            ApiField::Url => endpoint.url.as_str().into(),
            ApiField::Description => endpoint.description.as_str().into(),
            ApiField::Events => endpoint.events.names().into(),
            ApiField::Secret => Value::Null,
            ApiField::Active => (endpoint.active && endpoint.disabled.is_none()).into(),
            ApiField::MaxRetries => self.max_retries().into(),
            ApiField::Timeout => {
                endpoint.timeout.unwrap_or_else(|| self.contract.timeout()).as_secs().into()
            }
            ApiField::CreatedAt => Moment(endpoint.created_at).into(),
            ApiField::LastDelivery => statistics.last_attempt_at.map(Moment).into(),
            ApiField::DeliveryCount => statistics.attempted.into(),
            ApiField::FailureCount => statistics.dead.into(),
        }
    }

    /// What no document has a word for.
    fn add_further(&self, answer: &mut Ordered) {
        let endpoint = self.endpoint;
        let schedule = endpoint.retry_schedule.as_ref().map(RetrySchedule::seconds);
        let backoff = self.backoff();
        let rotation = endpoint.previous_secret.as_ref();
        answer.add("retry_schedule", schedule);
        answer.add("retry_first_delay", backoff.map(|backoff| backoff.first_delay()));
        answer.add("retry_factor", backoff.map(|backoff| backoff.factor()));
        answer.add("rate_limit", endpoint.rate_limit.as_ref().map(rate_limit));
        answer.add("ordering", endpoint.ordering.by_key.then_some(BY_KEY));
        answer.add("ordering_on_failure", endpoint.ordering.on_failure.as_str());
        answer.add("contract", endpoint.contract.as_str());
        answer.add("contract_is_own", endpoint.own_contract.is_some());
        answer.add("secret_rotation", rotation.map(|old| json!({"ends_at": Moment(old.until)})));
        answer.add("auto_enable", endpoint.auto_enable);
        answer.add("disabled", endpoint.disabled.as_ref().map(disabled));
        answer.add("breaker", self.breaker.as_ref().map(breaker));
        answer.add("updated_at", Moment(endpoint.updated_at));
    }

    /// The exponential schedule of an endpoint that may have numbers of its own in it, and has no
    /// other schedule in its place.
    fn backoff(&self) -> Option<Backoff> {
        if self.endpoint.retry_schedule.is_some() {
            return None;
        }
        // Numbers that the contract does not take any more do not count when requests are made, either.
        self.contract.backoff()?.with_overrides(&self.endpoint.backoff).ok()
    }

    fn max_retries(&self) -> usize {
        let exponential = self.backoff().map(|backoff| backoff.schedule());
        let schedule = exponential.as_ref().or(self.endpoint.retry_schedule.as_ref());
        schedule.unwrap_or_else(|| self.contract.schedule()).seconds().len()
    }
}

fn disabled(disabled: &Disabled) -> Value {
    json!({
        "at": Moment(disabled.at),
        "reason": disabled.reason.as_str(),
        "next_probe_at": disabled.next_probe_at.map(Moment),
    })
}

fn rate_limit(own: &OwnRateLimit) -> Value {
    let window = |&RateWindow { requests, length }: &RateWindow| json!({"requests": requests, "seconds": length.as_secs()});
    own.windows().iter().map(window).collect()
}

fn breaker(breaker: &Breaker) -> Value {
    json!({
        "state": breaker.state.as_str(),
        "since": Moment(breaker.since),
        "next_probe_at": breaker.next_probe_at.map(Moment),
    })
}

//! What a webhook's settings are, open, so that two can be compared.

use crate::app::App;
use crate::error::ApiError;
use crate::webhooks::secrets;
use postrider_common::endpoint::Endpoint;
use postrider_common::ordering::EndpointOrdering;
use postrider_contract::{BackoffOverrides, OwnRateLimit, RetrySchedule};
use postrider_store::NewEndpoint;
use secrecy::{ExposeSecret as _, SecretString};
use std::time::Duration;
use time::OffsetDateTime;

/// A webhook's settings. It has no `Debug`: there are secrets in it.
pub(super) struct Facts {
    url: String,
    description: String,
    /// In the order of the alphabet.
    events: Vec<String>,
    secret: SecretString,
    /// `None` where the line leaves it open.
    second_secret: Option<SecretString>,
    active: bool,
    auto_enable: bool,
    ordering: EndpointOrdering,
    contract: Option<String>,
    retry_schedule: Option<RetrySchedule>,
    backoff: BackoffOverrides,
    timeout: Option<Duration>,
    rate_limit: Option<OwnRateLimit>,
    /// `None` where the line leaves it open.
    created_at: Option<OffsetDateTime>,
}

impl Facts {
    /// Those of a line.
    pub(super) fn of_new(
        new: &NewEndpoint,
        secret: SecretString,
        second_secret: Option<SecretString>,
    ) -> Self {
        Self {
            url: new.url.clone(),
            description: new.description.clone(),
            events: sorted(new.events.names()),
            secret,
            second_secret,
            active: new.active,
            auto_enable: new.auto_enable,
            ordering: new.ordering,
            contract: new.contract.clone(),
            retry_schedule: new.retry_schedule.clone(),
            backoff: new.backoff,
            timeout: new.timeout,
            rate_limit: new.rate_limit.clone(),
            created_at: new.created_at,
        }
    }

    /// Those of a webhook that there is.
    pub(super) fn of_stored(app: &App, endpoint: Endpoint) -> Result<Self, ApiError> {
        let open = |sealed| secrets::open(app, &endpoint, sealed);
        Ok(Self {
            secret: open(&endpoint.secret)?,
            second_secret: endpoint.second_secret.as_ref().map(open).transpose()?,
            events: sorted(endpoint.events.names()),
            url: endpoint.url,
            description: endpoint.description,
            active: endpoint.active,
            auto_enable: endpoint.auto_enable,
            ordering: endpoint.ordering,
            contract: endpoint.own_contract,
            retry_schedule: endpoint.retry_schedule,
            backoff: endpoint.backoff,
            timeout: endpoint.timeout,
            rate_limit: endpoint.rate_limit,
            created_at: Some(endpoint.created_at),
        })
    }

    /// The fields in which a line differs from what there is.
    pub(super) fn differences(&self, there: &Self) -> Vec<&'static str> {
        let same =
            |one: &SecretString, other: &SecretString| one.expose_secret() == other.expose_secret();
        let second = match (&self.second_secret, &there.second_secret) {
            (None, _) => true,
            (Some(one), Some(other)) => same(one, other),
            (Some(_), None) => false,
        };
        let created = self.created_at.is_none() || self.created_at == there.created_at;
        let (own, its) = (self.backoff, there.backoff);
        let (order, their) = (self.ordering, there.ordering);
        let fields = [
            ("url", self.url == there.url),
            ("events", self.events == there.events),
            ("secret", same(&self.secret, &there.secret)),
            ("second_secret", second),
            ("contract", self.contract == there.contract),
            ("active", self.active == there.active),
            ("auto_enable", self.auto_enable == there.auto_enable),
            ("ordering", order.by_key == their.by_key),
            ("ordering_on_failure", order.on_failure == their.on_failure),
            ("description", self.description == there.description),
            ("created_at", created),
            ("max_retries", own.max_retries == its.max_retries),
            ("retry_first_delay", own.first_delay == its.first_delay),
            ("retry_factor", own.factor == its.factor),
            ("retry_schedule", self.retry_schedule == there.retry_schedule),
            ("timeout", self.timeout == there.timeout),
            ("rate_limit", self.rate_limit == there.rate_limit),
        ];
        fields.into_iter().filter(|(_, same)| !same).map(|(name, _)| name).collect()
    }
}

fn sorted(names: &[String]) -> Vec<String> {
    let mut names = names.to_vec();
    names.sort_unstable();
    names
}

//! The fields that creating and changing a webhook have in common.

use crate::fields::{Fields, read};
use postrider_common::endpoint::EventFilter;
use postrider_contract::{Contract, RetrySchedule};
use postrider_egress::{Guard, HttpRule, TargetUrl};
use std::time::Duration;

/// What the caller set; absent fields are `None`, the inner `None` stands for `null`.
#[expect(clippy::option_option, reason = "absent, null and a value are three things")]
pub(super) struct Settings {
    pub(super) url: Option<TargetUrl>,
    pub(super) events: Option<EventFilter>,
    pub(super) description: Option<String>,
    pub(super) is_active: Option<bool>,
    pub(super) retry_schedule: Option<Option<RetrySchedule>>,
    pub(super) timeout: Option<Option<Duration>>,
}

impl Settings {
    /// Reads the fields. The URL is judged as it will be when requests are sent, its host's
    /// addresses too.
    pub(super) async fn read(fields: &mut Fields, contract: &Contract, guard: &Guard) -> Self {
        Self {
            url: read_url(fields, contract, guard).await,
            events: fields.optional("events", read::events),
            description: fields.optional("description", read::description),
            is_active: fields.optional("is_active", read::boolean),
            retry_schedule: fields.nullable("retry_schedule", read::retry_schedule),
            timeout: fields.nullable("timeout", read::timeout),
        }
    }
}

async fn read_url(fields: &mut Fields, contract: &Contract, guard: &Guard) -> Option<TargetUrl> {
    let http = if contract.allows_http() { HttpRule::Allowed } else { HttpRule::Refused };
    let url = fields.optional("url", read::parsed(|text| guard.parse(text, http)))?;
    match guard.vet_host(&url).await {
        Ok(()) => Some(url),
        Err(refusal) => {
            fields.refuse("url", refusal.to_string());
            None
        }
    }
}

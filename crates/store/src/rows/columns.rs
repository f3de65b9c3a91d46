//! Which columns of an endpoint's row its fields are in, for the statements that write it.
//!
//! How a value is bound is the engines' own business; rows are read in `endpoint`.

use crate::endpoints::{EndpointPatch, NewEndpoint};
use postrider_common::endpoint::EventFilter;
use postrider_common::ordering::{BY_KEY, OnFailure};
use postrider_common::seal::Sealed;
use postrider_common::tenant::TenantId;
use postrider_contract::{OwnRateLimit, RateWindow, RetrySchedule};
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// What a column is given.
pub(crate) enum Value {
    Id(Uuid),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
    Flag(bool),
    Number(Option<i32>),
    Factor(Option<f64>),
    Time(Option<OffsetDateTime>),
    Names(Vec<String>),
    Numbers(Option<Vec<i32>>),
}

/// A column and what it is given.
pub(crate) type Column = (&'static str, Value);

/// The columns of a new endpoint; without `created_at`, unless that is said.
pub(crate) fn of_new(tenant: &TenantId, new: NewEndpoint) -> Vec<Column> {
    let mut columns = vec![
        ("id", Value::Id(new.id.as_uuid())),
        ("tenant_id", Value::Text(Some(tenant.as_str().to_owned()))),
        ("public_id", Value::Text(Some(new.public_id))),
        ("own_contract", Value::Text(new.contract)),
        ("url", Value::Text(Some(new.url))),
        ("description", Value::Text(Some(new.description))),
        ("events", names(&new.events)),
        ("secret", sealed(Some(&new.secret))),
        ("second_secret", sealed(new.second_secret.as_ref())),
        ("active", Value::Flag(new.active)),
        ("auto_enable", Value::Flag(new.auto_enable)),
        ("ordering", ordering(new.ordering.by_key)),
        ("ordering_on_failure", on_failure(new.ordering.on_failure)),
        ("retry_schedule", delays(new.retry_schedule.as_ref())),
        ("max_retries", number(new.backoff.max_retries)),
        ("first_delay_s", number(new.backoff.first_delay)),
        ("retry_factor", Value::Factor(new.backoff.factor)),
        ("timeout_s", seconds(new.timeout)),
        ("rate_limit", windows(new.rate_limit.as_ref())),
    ];
    columns.extend(new.created_at.map(|time| ("created_at", Value::Time(Some(time)))));
    columns
}

/// The columns that a patch changes.
pub(crate) fn of_patch(patch: EndpointPatch) -> Vec<Column> {
    let mut columns = Vec::new();
    let mut set = |name, value: Option<Value>| columns.extend(value.map(|value| (name, value)));
    set("url", patch.url.map(|url| Value::Text(Some(url))));
    set("description", patch.description.map(|words| Value::Text(Some(words))));
    set("events", patch.events.as_ref().map(names));
    set("active", patch.active.map(Value::Flag));
    if patch.active == Some(true) {
        set("disabled_at", Some(Value::Time(None)));
        set("disabled_reason", Some(Value::Text(None)));
        set("warned_at", Some(Value::Time(None)));
    }
    set("auto_enable", patch.auto_enable.map(Value::Flag));
    set("ordering", patch.ordered_by_key.map(ordering));
    set("ordering_on_failure", patch.ordering_on_failure.map(on_failure));
    set("retry_schedule", patch.retry_schedule.map(|own| delays(own.as_ref())));
    set("max_retries", patch.max_retries.map(number));
    set("first_delay_s", patch.first_delay.map(number));
    set("retry_factor", patch.factor.map(Value::Factor));
    set("timeout_s", patch.timeout.map(seconds));
    set("rate_limit", patch.rate_limit.map(|own| windows(own.as_ref())));
    set("own_contract", patch.contract.map(Value::Text));
    if patch.secret.is_some() {
        set("secret", Some(sealed(patch.secret.as_ref())));
        set("previous_secret", Some(Value::Bytes(None)));
        set("previous_until", Some(Value::Time(None)));
    }
    set("second_secret", patch.second_secret.map(|secret| sealed(secret.as_ref())));
    columns
}

fn names(filter: &EventFilter) -> Value {
    Value::Names(filter.names().to_vec())
}

fn ordering(by_key: bool) -> Value {
    Value::Text(by_key.then(|| BY_KEY.to_owned()))
}

fn on_failure(on_failure: OnFailure) -> Value {
    Value::Text(Some(on_failure.as_str().to_owned()))
}

fn sealed(secret: Option<&Sealed>) -> Value {
    Value::Bytes(secret.map(|secret| secret.as_bytes().to_vec()))
}

fn delays(schedule: Option<&RetrySchedule>) -> Value {
    let seconds =
        |schedule: &RetrySchedule| schedule.seconds().iter().copied().map(stored).collect();
    Value::Numbers(schedule.map(seconds))
}

/// Requests and seconds, window after window.
fn windows(limit: Option<&OwnRateLimit>) -> Value {
    let numbers = |limit: &OwnRateLimit| {
        let pair = |window: &RateWindow| [stored(window.requests), whole_seconds(window.length)];
        limit.windows().iter().flat_map(pair).collect()
    };
    Value::Numbers(limit.map(numbers))
}

fn number(number: Option<u32>) -> Value {
    Value::Number(number.map(stored))
}

fn seconds(duration: Option<Duration>) -> Value {
    Value::Number(duration.map(whole_seconds))
}

fn whole_seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_secs()).unwrap_or(i32::MAX)
}

/// What is too large for the column is refused by its CHECK.
fn stored(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

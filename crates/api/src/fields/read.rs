//! Readers: what a field's value must be. Each takes the value and gives the typed one, or the rule
//! that it breaks, in words that follow the field's name. No rule repeats a value that may be secret.

mod rate_limit;

pub(crate) use rate_limit::rate_limit;

use postrider_common::api_key::Scope;
use postrider_common::endpoint::EventFilter;
use postrider_common::event::EventType;
use postrider_common::ordering::{BY_KEY, OnFailure};
use postrider_common::tenant::TenantId;
use postrider_contract::{
    Backoff, BackoffOverrides, Contract, Contracts, RetrySchedule, SecretError, SigningKey,
};
use secrecy::SecretString;
use serde_json::Value;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

/// The longest name, in characters.
const MAX_NAME: usize = 200;
/// The longest id in a query, in characters.
const MAX_ID: usize = 128;
/// The longest description, in characters.
const MAX_DESCRIPTION: usize = 1000;
/// Seconds that an attempt may be given.
const TIMEOUT_SECONDS: RangeInclusive<u64> = 1..=300;

type Rule = String;

/// A string.
pub(crate) fn string(value: &Value) -> Result<&str, Rule> {
    value.as_str().ok_or_else(|| "must be a string".to_owned())
}

/// A string that `parse` takes; its error's text is the rule.
pub(crate) fn parsed<T, E: Display>(
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> impl FnOnce(&Value) -> Result<T, Rule> {
    |value| parse(string(value)?).map_err(|error| error.to_string())
}

/// A tenant's id.
pub(crate) fn tenant_id(value: &Value) -> Result<TenantId, Rule> {
    TenantId::parse(string(value)?).map_err(|error| error.to_string())
}

/// An event's type.
pub(crate) fn event_type(value: &Value) -> Result<EventType, Rule> {
    EventType::parse(string(value)?).map_err(|error| error.to_string())
}

/// What people call something: 1 to 200 characters on one line.
pub(crate) fn name(value: &Value) -> Result<String, Rule> {
    let text = string(value)?;
    let fits = !text.trim().is_empty() && text.chars().count() <= MAX_NAME;
    if !fits || text.contains(char::is_control) {
        return Err(format!("must be 1 to {MAX_NAME} characters without control characters"));
    }
    Ok(text.to_owned())
}

/// Words about something, of any number of lines: at most 1,000 characters.
pub(crate) fn description(value: &Value) -> Result<String, Rule> {
    let text = string(value)?;
    if text.chars().count() > MAX_DESCRIPTION || text.contains('\0') {
        return Err(format!("must be at most {MAX_DESCRIPTION} characters without NUL"));
    }
    Ok(text.to_owned())
}

/// An id in a query, of whatever form.
pub(crate) fn id_text(value: &Value) -> Result<String, Rule> {
    let text = string(value)?;
    if text.is_empty() || text.chars().count() > MAX_ID || text.contains(char::is_control) {
        return Err(format!("must be an id of at most {MAX_ID} characters"));
    }
    Ok(text.to_owned())
}

/// A whole number written as text.
pub(crate) fn number_text(range: RangeInclusive<u32>) -> impl FnOnce(&Value) -> Result<u32, Rule> {
    move |value| {
        let number = string(value)?.parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| format!("must be a number from {} to {}", range.start(), range.end()))
    }
}

/// `true` or `false`, written as text.
pub(crate) fn boolean_text(value: &Value) -> Result<bool, Rule> {
    string(value)?.parse().map_err(|_| "must be true or false".to_owned())
}

/// A time in RFC 3339, to the microsecond, which is what is kept of one.
pub(crate) fn time(value: &Value) -> Result<OffsetDateTime, Rule> {
    let at = OffsetDateTime::parse(string(value)?, &Rfc3339);
    let at = at.map_err(|_| "must be a time as in 2024-01-15T10:00:00Z (RFC 3339)".to_owned())?;
    let in_utc = at.checked_to_offset(UtcOffset::UTC).filter(|at| (1..=9999).contains(&at.year()));
    let in_utc = in_utc.ok_or("must be between the years 1 and 9999, in UTC")?;
    Ok(in_utc.truncate_to_microsecond())
}

/// `true` or `false`.
pub(crate) fn boolean(value: &Value) -> Result<bool, Rule> {
    value.as_bool().ok_or_else(|| "must be true or false".to_owned())
}

/// A list of strings.
pub(crate) fn strings(value: &Value) -> Result<Vec<String>, Rule> {
    let texts = value.as_array().and_then(|items| items.iter().map(text).collect());
    texts.ok_or_else(|| "must be a list of strings".to_owned())
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// The event types that an endpoint wants.
pub(crate) fn events(value: &Value) -> Result<EventFilter, Rule> {
    EventFilter::parse(strings(value)?).map_err(|error| error.to_string())
}

/// The order that an endpoint asks for.
pub(crate) fn ordering(value: &Value) -> Result<(), Rule> {
    let known = string(value).is_ok_and(|name| name == BY_KEY);
    if known { Ok(()) } else { Err(format!("must be {BY_KEY} or null")) }
}

/// What happens to an ordering key after a delivery that failed for good.
pub(crate) fn on_failure(value: &Value) -> Result<OnFailure, Rule> {
    let known = value.as_str().and_then(OnFailure::from_name);
    let names = OnFailure::ALL.map(OnFailure::as_str).join(" or ");
    known.ok_or_else(|| format!("must be {names}"))
}

/// What an API key may do: at least one scope, each once.
pub(crate) fn scopes(value: &Value) -> Result<Vec<Scope>, Rule> {
    let names = strings(value)?;
    let scopes: Vec<_> = names
        .iter()
        .map(|name| Scope::parse(name).map_err(|error| format!("each {error}")))
        .collect::<Result<_, _>>()?;
    let repeated = scopes.iter().enumerate().any(|(at, scope)| scopes[..at].contains(scope));
    match (scopes.is_empty(), repeated) {
        (true, _) => Err("must name at least one scope".to_owned()),
        (_, true) => Err("must name each scope once".to_owned()),
        _ => Ok(scopes),
    }
}

/// An attempt's time-out: whole seconds from 1 to 300.
pub(crate) fn timeout(value: &Value) -> Result<Duration, Rule> {
    let seconds = value.as_u64().filter(|seconds| TIMEOUT_SECONDS.contains(seconds));
    let (from, to) = (TIMEOUT_SECONDS.start(), TIMEOUT_SECONDS.end());
    seconds
        .map(Duration::from_secs)
        .ok_or_else(|| format!("must be a whole number of seconds from {from} to {to}, or null"))
}

/// The delays before each retry, in whole seconds.
pub(crate) fn retry_schedule(value: &Value) -> Result<RetrySchedule, Rule> {
    // A delay beyond 32 bits is as much too long as the longest that fits in them.
    let seconds = |item: &Value| Some(u32::try_from(item.as_u64()?).unwrap_or(u32::MAX));
    let delays: Option<Vec<u32>> = value.as_array().and_then(|i| i.iter().map(seconds).collect());
    let delays = delays.ok_or("must be a list of whole seconds, or null")?;
    RetrySchedule::from_seconds(&delays).map_err(|error| error.to_string())
}

/// A signing secret in the form that `key` takes keys from.
pub(crate) fn secret(
    key: impl FnOnce(&SecretString) -> Result<SigningKey, SecretError>,
) -> impl FnOnce(&Value) -> Result<SecretString, Rule> {
    |value| {
        let secret = SecretString::from(string(value)?);
        match key(&secret) {
            Ok(_) => Ok(secret),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// The name of a contract in force.
pub(crate) fn contract(
    contracts: &Contracts,
) -> impl FnOnce(&Value) -> Result<Arc<Contract>, Rule> {
    |value| {
        let contract = contracts.get(string(value)?).cloned();
        contract.ok_or_else(|| format!("must be one of {}", contracts.names().join(", ")))
    }
}

/// A whole number.
pub(crate) fn whole(range: RangeInclusive<u32>) -> impl FnOnce(&Value) -> Result<u32, Rule> {
    move |value| {
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        number.filter(|number| range.contains(number)).ok_or_else(|| {
            format!("must be a whole number from {} to {}", range.start(), range.end())
        })
    }
}

/// How often an endpoint wants a delivery tried again.
pub(crate) fn max_retries(value: &Value) -> Result<BackoffOverrides, Rule> {
    Ok(BackoffOverrides { max_retries: Some(seconds_or_count(value)?), ..Default::default() })
}

/// The seconds before the first retry that an endpoint wants.
pub(crate) fn first_delay(value: &Value) -> Result<BackoffOverrides, Rule> {
    Ok(BackoffOverrides { first_delay: Some(seconds_or_count(value)?), ..Default::default() })
}

/// How much longer each delay shall be than the one before it.
pub(crate) fn factor(value: &Value) -> Result<BackoffOverrides, Rule> {
    let factor = value.as_f64().ok_or("must be a number, or null")?;
    Ok(BackoffOverrides { factor: Some(factor), ..Default::default() })
}

/// A whole number; one beyond 32 bits is as much too large as the largest that fits in them.
fn seconds_or_count(value: &Value) -> Result<u32, Rule> {
    let number = value.as_u64().ok_or("must be a whole number, or null")?;
    Ok(u32::try_from(number).unwrap_or(u32::MAX))
}

/// The number of `read`, if the contract's schedule can be had with it; the contract says what is wrong.
pub(crate) fn in_backoff(
    backoff: &Backoff,
    read: impl FnOnce(&Value) -> Result<BackoffOverrides, Rule>,
) -> impl FnOnce(&Value) -> Result<BackoffOverrides, Rule> {
    |value| {
        let own = read(value)?;
        backoff.with_overrides(&own).map(|_| own).map_err(|error| error.to_string())
    }
}

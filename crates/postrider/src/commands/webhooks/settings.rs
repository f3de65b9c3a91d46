//! The settings that making and changing a webhook take alike.

use serde_json::{Map, Value, json};
use std::num::ParseIntError;
use std::str::FromStr;

/// What can be set. What is not given is not sent.
#[derive(clap::Args, Debug)]
pub(super) struct Settings {
    /// Event type to send, or `*` for all; several times, or separated by commas
    #[arg(long = "event", value_delimiter = ',', value_name = "TYPE")]
    events: Vec<String>,
    /// What people should know about it
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Seconds before each retry, as in `5,60,3600`; `none` for one attempt alone; `contract` for
    /// the contract's own
    #[arg(long, value_name = "SECONDS,…")]
    retry_schedule: Option<RetrySchedule>,
    /// How often a delivery is tried again, or `contract` for the contract's own number. This and
    /// the next two are for contracts that let webhooks choose them
    #[arg(long, value_name = "N")]
    max_retries: Option<Number>,
    /// Seconds before the first retry, or `contract`
    #[arg(long, value_name = "SECONDS")]
    retry_first_delay: Option<Number>,
    /// How much longer each delay is than the one before it, or `contract`
    #[arg(long, value_name = "FACTOR")]
    retry_factor: Option<Number>,
    /// Seconds that an attempt may take, or `contract` for the contract's own
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<Number>,
    /// How many requests it gets in how many seconds, as in `100/10`, or in two windows that both hold:
    /// `100/10,1000/60`; `contract` for the contract's own limit
    #[arg(long, value_name = "N/SECONDS,…")]
    rate_limit: Option<RateLimit>,
    /// `true`: once it is switched off for its failures, it is tried with single deliveries now and then, and
    /// is on again when it answers
    #[arg(long, value_name = "BOOL")]
    auto_enable: Option<bool>,
    /// `by-key`: events with the same ordering key are sent one after the other; `none`: as they come
    #[arg(long, value_name = "ORDER")]
    ordering: Option<Order>,
    /// What happens to an ordering key after a delivery that failed for good: the others `go-on`, or
    /// they `wait` until it is replayed or discarded
    #[arg(long, value_name = "WHAT")]
    ordering_on_failure: Option<OnFailure>,
    /// The contract that its receiver relies on, or `tenant` for the tenant's
    #[arg(long, value_name = "NAME")]
    contract: Option<String>,
}

#[derive(Clone, Debug)]
struct RetrySchedule(Value);

/// The text is no retry schedule.
#[derive(Debug, thiserror::Error)]
#[error("must be seconds separated by commas, `none` or `contract`")]
struct RetryScheduleError(#[from] ParseIntError);

impl FromStr for RetrySchedule {
    type Err = RetryScheduleError;

    fn from_str(text: &str) -> Result<Self, RetryScheduleError> {
        match text {
            "contract" => Ok(Self(Value::Null)),
            "none" => Ok(Self(Value::Array(Vec::new()))),
            text => {
                let delays = text.split(',').map(|delay| delay.trim().parse::<u64>());
                Ok(Self(delays.collect::<Result<Vec<_>, _>>()?.into()))
            }
        }
    }
}

/// What JSON has for windows, or null.
#[derive(Clone, Debug)]
struct RateLimit(Value);

/// The text is no rate limit.
#[derive(Debug, thiserror::Error)]
#[error(
    "must be requests and seconds as in 100/10, one or two of them separated by a comma, or `contract`"
)]
struct RateLimitError;

impl FromStr for RateLimit {
    type Err = RateLimitError;

    fn from_str(text: &str) -> Result<Self, RateLimitError> {
        if text == "contract" {
            return Ok(Self(Value::Null));
        }
        let windows: Option<Vec<Value>> = text.split(',').map(window).collect();
        windows.map(|windows| Self(windows.into())).ok_or(RateLimitError)
    }
}

fn window(text: &str) -> Option<Value> {
    let (requests, seconds) = text.split_once('/')?;
    let number = |text: &str| text.trim().parse::<u64>().ok();
    Some(json!({ "requests": number(requests)?, "seconds": number(seconds)? }))
}

#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum Order {
    ByKey,
    None,
}

impl Order {
    fn value(self) -> Value {
        match self {
            Self::ByKey => "by_key".into(),
            Self::None => Value::Null,
        }
    }
}

#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum OnFailure {
    GoOn,
    Wait,
}

impl OnFailure {
    fn value(self) -> Value {
        match self {
            Self::GoOn => "go_on".into(),
            Self::Wait => "wait".into(),
        }
    }
}

/// What JSON has for a number, or null.
#[derive(Clone, Debug)]
struct Number(Value);

/// The text is no number.
#[derive(Debug, thiserror::Error)]
#[error("must be a number or `contract`")]
struct NumberError(#[from] serde_json::Error);

impl FromStr for Number {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        match text {
            "contract" => Ok(Self(Value::Null)),
            text => Ok(Self(serde_json::from_str::<serde_json::Number>(text)?.into())),
        }
    }
}

impl Settings {
    /// The members of a request's body.
    pub(super) fn into_body(self) -> Map<String, Value> {
        let events = Some(self.events).filter(|events| !events.is_empty());
        let settings = [
            ("events", events.map(Value::from)),
            ("description", self.description.map(Value::from)),
            ("retry_schedule", self.retry_schedule.map(|schedule| schedule.0)),
            ("max_retries", self.max_retries.map(|number| number.0)),
            ("retry_first_delay", self.retry_first_delay.map(|number| number.0)),
            ("retry_factor", self.retry_factor.map(|number| number.0)),
            ("timeout", self.timeout.map(|number| number.0)),
            ("rate_limit", self.rate_limit.map(|limit| limit.0)),
            ("auto_enable", self.auto_enable.map(Value::from)),
            ("ordering", self.ordering.map(Order::value)),
            ("ordering_on_failure", self.ordering_on_failure.map(OnFailure::value)),
            ("contract", self.contract.map(contract)),
        ];
        settings.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}

fn contract(name: String) -> Value {
    if name == "tenant" { Value::Null } else { name.into() }
}

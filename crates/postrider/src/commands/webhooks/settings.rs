//! The settings that making and changing a webhook take alike.

use serde_json::{Map, Value};
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
    /// Seconds that an attempt may take, or `contract` for the contract's own
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<Timeout>,
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

#[derive(Clone, Debug)]
struct Timeout(Value);

/// The text is no time-out.
#[derive(Debug, thiserror::Error)]
#[error("must be seconds or `contract`")]
struct TimeoutError(#[from] ParseIntError);

impl FromStr for Timeout {
    type Err = TimeoutError;

    fn from_str(text: &str) -> Result<Self, TimeoutError> {
        match text {
            "contract" => Ok(Self(Value::Null)),
            text => Ok(Self(text.parse::<u64>()?.into())),
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
            ("timeout", self.timeout.map(|timeout| timeout.0)),
        ];
        settings.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}

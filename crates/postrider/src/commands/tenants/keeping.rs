//! For how long a tenant's things are kept: the options that making and changing a tenant take alike.

use postrider_common::keeping::{Days, DaysError};
use serde_json::{Map, Value};
use std::str::FromStr;

/// What can be set. What is not given is not sent.
#[derive(clap::Args, Debug)]
pub(super) struct KeepingArgs {
    /// Days for which events, deliveries and attempts are kept, from 1 to 3650, or `server` for as long
    /// as the server keeps them
    #[arg(long, value_name = "DAYS")]
    retention_days: Option<Retention>,
    /// Days for which deliveries are held while their webhook is off, from 1 to 3650
    #[arg(long, value_name = "DAYS")]
    hold_days: Option<Days>,
}

#[derive(Clone, Debug)]
struct Retention(Option<Days>);

/// The text says no retention.
#[derive(Debug, thiserror::Error)]
#[error("{0}, or `server`")]
struct RetentionError(#[from] DaysError);

impl FromStr for Retention {
    type Err = RetentionError;

    fn from_str(text: &str) -> Result<Self, RetentionError> {
        Ok(Self(if text == "server" { None } else { Some(text.parse()?) }))
    }
}

impl KeepingArgs {
    /// The members of a body that say so.
    pub(super) fn members(&self) -> Map<String, Value> {
        let retention = self.retention_days.as_ref().map(|retention| match retention {
            Retention(Some(days)) => days.get().into(),
            Retention(None) => Value::Null,
        });
        let hold = self.hold_days.map(|days| Value::from(days.get()));
        let members = [("retention_days", retention), ("hold_days", hold)];
        let given = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        given.collect()
    }
}

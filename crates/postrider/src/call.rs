//! What all commands that call the API have in common: their options, how they end, how they print.

use crate::commands::send::{Source, SourceError};
use crate::escape::printable;
use crate::output::{self, ConfirmError, Json, OutputError, Table};
use crate::rest::{Call, ListArgs, Listed, Rest, RestError};
use crate::server::{ApiServerArgs, ServerError};
use postrider_common::service::chain;
use postrider_common::tenant::TenantId;
use serde::de::DeserializeOwned;
use std::io;
use std::str::FromStr;

/// Options of every call.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct CallArgs {
    /// Print the API's JSON, unchanged but for its layout
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ApiServerArgs,
}

/// A command that calls the API did not do what it is for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    #[error(transparent)]
    Server(#[from] ServerError),
    #[error(transparent)]
    Rest(#[from] RestError),
    #[error(transparent)]
    Output(#[from] OutputError),
    #[error(transparent)]
    Confirm(#[from] ConfirmError),
    #[error("which tenant's?")]
    NoTenant,
    #[error("there is nothing to change")]
    NoChange,
    #[error("cannot read the secret from standard input")]
    Input(#[source] io::Error),
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error("{name} is not JSON: see line {line}, column {column}")]
    NotJson { name: Source, line: usize, column: usize },
    #[error("{name} has no list of webhooks")]
    NoWebhooks { name: Source },
    #[error("{failed} of {all} failed")]
    Some { failed: usize, all: usize },
}

impl CallError {
    /// What to do about it.
    pub(crate) fn advice(&self) -> Option<String> {
        match self {
            Self::Server(error) => error.advice(),
            Self::Rest(error) => error.advice(),
            Self::Confirm(error) => error.advice(),
            Self::NoTenant => Some("--tenant ID, POSTRIDER_TENANT, or the profile's".to_owned()),
            Self::NoChange => Some("--help lists what can be changed".to_owned()),
            Self::NotJson { .. } | Self::NoWebhooks { .. } => {
                Some(r#"it takes {"webhooks": [{…}, …]} alone, or a webhook a line"#.to_owned())
            }
            Self::Output(_) | Self::Input(_) | Self::Source(_) | Self::Some { .. } => None,
        }
    }

    /// Whether the command was typed wrongly, rather than tried in vain.
    pub(crate) fn is_usage(&self) -> bool {
        match self {
            Self::NoTenant | Self::NoChange | Self::Confirm(ConfirmError::NoTerminal) => true,
            Self::Server(error) => error.is_usage(),
            _ => false,
        }
    }
}

impl CallArgs {
    /// A client of the server that is meant.
    pub(crate) fn rest(&self) -> Result<Rest, CallError> {
        Ok(Rest::new(self.server.access()?)?)
    }

    /// Makes a call and prints its answer: as it is, or as `shown` shows it.
    pub(crate) async fn print<T: DeserializeOwned>(
        &self,
        call: &Call,
        shown: impl FnOnce(T) -> String,
    ) -> Result<(), CallError> {
        let rest = self.rest()?;
        let answer = rest.call(call).await?;
        self.print_answer(&rest, call, &answer, shown)
    }

    /// Prints the answer of a call.
    pub(crate) fn print_answer<T: DeserializeOwned>(
        &self,
        rest: &Rest,
        call: &Call,
        answer: &Json,
        shown: impl FnOnce(T) -> String,
    ) -> Result<(), CallError> {
        let text = if self.json { answer.pretty() } else { shown(rest.read(call, answer)?) };
        Ok(output::print(&text)?)
    }

    /// Lists, and prints the list: as the API answers one, or as a table.
    pub(crate) async fn print_list<T: DeserializeOwned>(
        &self,
        call: &Call,
        args: &ListArgs,
        table: impl FnOnce(Vec<T>) -> Table,
    ) -> Result<(), CallError> {
        let rest = self.rest()?;
        let listed = rest.list(call, args).await?;
        self.print_listed(&rest, call, &listed, table)
    }

    /// Prints what was listed.
    pub(crate) fn print_listed<T: DeserializeOwned>(
        &self,
        rest: &Rest,
        call: &Call,
        listed: &Listed,
        table: impl FnOnce(Vec<T>) -> Table,
    ) -> Result<(), CallError> {
        if self.json {
            return Ok(output::print(&listed.pretty())?);
        }
        if listed.data.is_empty() {
            output::note("there are none");
            return Ok(());
        }
        output::print(&table(rest.rows(call, listed)?).shown())?;
        if listed.next_cursor.is_some() {
            output::note("there are more: --limit N or --all lists them");
        }
        Ok(())
    }

    /// Whether JSON is wanted.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }
}

/// The tenant that was named, for calls that have it in their path.
pub(crate) fn tenant_of(rest: &Rest) -> Result<&TenantId, CallError> {
    rest.tenant().ok_or(CallError::NoTenant)
}

/// An id, or anything else that a path is made of.
#[derive(Clone, Debug)]
pub(crate) struct Id(String);

/// The text would be no part of a path.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("must be an id, as a list shows it")]
pub(crate) struct IdError;

impl Id {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Id {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        // URLs give the dots a meaning of their own.
        if matches!(text, "" | "." | "..") { Err(IdError) } else { Ok(Self(text.to_owned())) }
    }
}

/// Does the same for each, and reports those that the server refuses, which keep the others not back.
/// The error of a single one is told as it is.
pub(crate) async fn for_each(
    ids: &[Id],
    one: impl AsyncFn(&Id) -> Result<(), CallError>,
) -> Result<(), CallError> {
    if let [id] = ids {
        return one(id).await;
    }
    let mut failed = 0;
    for id in ids {
        match one(id).await {
            Err(CallError::Rest(error)) if error.is_of_one_call() => {
                failed += 1;
                output::note(&format!("{}: {}", printable(id.as_str()), chain(&error)));
            }
            done => done?,
        }
    }
    if failed > 0 {
        return Err(CallError::Some { failed, all: ids.len() });
    }
    Ok(())
}

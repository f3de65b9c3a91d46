//! `postrider send`: publishes one event, or a file of them, over gRPC.
//!
//! This file has the options and puts the parts together. `send/event` has what an event is made from,
//! `send/lines` reads files, `send/single` and `send/stream` publish, `send/patience` says for how long
//! they try, `send/refusal` why something was refused, `send/tally` and `send/progress` what the user
//! is told meanwhile, `send/outcome` and `send/resume` what at the end.

mod connection;
mod event;
mod lines;
mod outcome;
mod patience;
mod progress;
mod refusal;
mod resume;
mod single;
mod stream;
mod tally;

use self::connection::Connection;
pub(crate) use self::connection::ConnectionError;
pub(crate) use self::event::DataError;
use self::event::{EventArgs, RunId};
pub(crate) use self::lines::{Source, SourceError};
use self::outcome::Outcome;
use self::progress::Progress;
use self::tally::Tally;
use crate::output::{self, OutputError};
use crate::server::{Access, GrpcServerArgs, ServerError};
use postrider_common::shutdown;
use std::io;
use std::process::ExitCode;
use std::time::Duration;

/// Publish one event, or a file of them
///
/// One event is named by --type and --data. A file (--file) has an event a line, each a JSON object
/// with `event_type` and `payload`, and if wanted `event_id`, `idempotency_key`, `occurred_at`
/// and `deliver_at` (RFC 3339), `ordering_key`, `metadata` (an object of strings) and `tenant_id`.
///
/// Nothing is lost and nothing accepted twice: what has no answer when a connection breaks or the server
/// is away is sent again, under its `event_id` or `idempotency_key`. An event that has neither gets an
/// `idempotency_key` of its own, made of this run's id (--run) and its line. A line that is refused is
/// listed with its number, the field and the rule, and stops no other. After --retry-for seconds without
/// an answer it gives up, and says which lines have none and how to go on.
///
/// Exits with 0 when every event was accepted, now or before; with 1 when one was refused or has no
/// answer; with 2 when the options are wrong.
#[derive(clap::Args, Debug)]
#[command(
    group = clap::ArgGroup::new("what").required(true).args(["event_type", "file"]),
    after_help = "Examples:
  postrider send --type user.created --data '{\"id\":7}'
  postrider send --type user.created --data @payload.json --event-id signup-7
  postrider send --type trial.ended --data '{\"id\":7}' --deliver-at 2025-12-01T08:00:00Z
  postrider send --file events.jsonl
  jq -c '{event_type: .type, payload: .}' export.json | postrider send --file - --json

A line of a file:
  {\"event_type\":\"user.created\",\"payload\":{\"id\":7},\"idempotency_key\":\"signup-7\"}"
)]
pub(crate) struct SendEvents {
    /// Seconds to go on trying while no answer comes; 0 tries once
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 30,
        value_parser = clap::value_parser!(u64).range(..=86_400)
    )]
    retry_for: u64,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
    // A heading holds for all that comes after it.
    #[command(flatten)]
    event: EventArgs,
    #[command(flatten)]
    file: FileArgs,
    #[command(flatten)]
    server: GrpcServerArgs,
}

/// A file of events.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "File")]
struct FileArgs {
    /// File with an event a line, as JSON; - for standard input
    #[arg(long, value_name = "FILE")]
    file: Option<Source>,
    /// Begin with this line of the file
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        conflicts_with = "event_type",
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    from_line: u64,
    /// Id of this run, for the keys of lines that have none; give that of the run before to go on with
    /// it [default: a random one]
    #[arg(long, value_name = "ID", conflicts_with = "event_type")]
    run: Option<RunId>,
    /// Read no further once an event is refused; what was sent before that is still waited for
    #[arg(long, conflicts_with = "event_type")]
    stop_on_error: bool,
}

/// It is not known of every event that it was accepted or refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    #[error(transparent)]
    Server(#[from] ServerError),
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    #[error(transparent)]
    Data(#[from] DataError),
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error("signals cannot be received")]
    Signals(#[source] io::Error),
    #[error(transparent)]
    Output(#[from] OutputError),
}

impl SendError {
    /// What to do about it.
    pub(crate) fn advice(&self) -> Option<String> {
        match self {
            Self::Server(error) => error.advice(),
            Self::Connection(error) => error.advice().map(str::to_owned),
            _ => None,
        }
    }

    /// Whether the command was typed wrongly, rather than tried in vain.
    pub(crate) fn is_usage(&self) -> bool {
        match self {
            Self::Server(error) => error.is_usage(),
            Self::Data(_) | Self::Source(_) => true,
            Self::Connection(_) | Self::Signals(_) | Self::Output(_) => false,
        }
    }
}

impl SendEvents {
    /// Publishes, and says what became of it; the exit code says whether all was accepted.
    pub(crate) async fn run(self) -> Result<ExitCode, SendError> {
        let access = self.server.access()?;
        let run = self.file.run.clone().unwrap_or_else(RunId::random);
        let outcome = match self.file.file.clone() {
            Some(source) => self.send_file(&access, source, run).await?,
            None => self.send_one(&access, &run).await?,
        };
        let code = outcome.exit_code();
        output::written(outcome.write(self.json, &access.key_origin, &mut io::stdout().lock()))?;
        Ok(code)
    }

    async fn send_file(
        &self,
        access: &Access,
        source: Source,
        run: RunId,
    ) -> Result<Outcome, SendError> {
        let lines = lines::read(&source, self.file.from_line, &run, access.tenant.as_ref())?;
        let connection = Connection::open(access).await?;
        let stop = shutdown::on_signal().map_err(SendError::Signals)?;
        let mut tally = Tally::begin(Progress::of(&source), self.file.stop_on_error);
        let ended = stream::publish(&connection, lines, self.retry_for(), &mut tally, &stop).await;
        Ok(Outcome::of_file(tally, ended, source, &run))
    }

    async fn send_one(&self, access: &Access, run: &RunId) -> Result<Outcome, SendError> {
        let mut event = self.event.clone().event(run, access.tenant.as_ref())?;
        let connection = Connection::open(access).await?;
        let mut tally = Tally::begin(Progress::none(), false);
        let ended = single::publish(&connection, &mut event, self.retry_for(), &mut tally).await;
        Ok(Outcome::of_one(tally, ended, &event))
    }

    fn retry_for(&self) -> Duration {
        Duration::from_secs(self.retry_for)
    }
}

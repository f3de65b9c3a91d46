//! What can be typed: the commands, by name. What a command takes and does stands with it in
//! `commands`; a new one is a variant here and a file there.

use crate::call::CallError;
use crate::commands::completions::Completions;
use crate::commands::contract::{ContractCommand, ContractCommandError};
use crate::commands::dead_letters::DeadLetters;
use crate::commands::deliveries::Deliveries;
use crate::commands::events::Events;
use crate::commands::import::Import;
use crate::commands::keys::Keys;
use crate::commands::listen::{Listen, ListenError};
use crate::commands::migrate::{Migrate, MigrateError};
use crate::commands::profiles::{Profiles, ProfilesError};
use crate::commands::replay::Replay;
use crate::commands::replays::Replays;
use crate::commands::send::{SendError, SendEvents};
use crate::commands::standalone::{Standalone, StandaloneError};
use crate::commands::tenants::Tenants;
use crate::commands::verify::{CheckError, Verify};
use crate::commands::webhooks::Webhooks;
use crate::output::{self, OutputError};
use postrider_common::service::chain;
use std::process::ExitCode;

/// What clap exits with when something was typed wrongly.
const USAGE: u8 = 2;

/// Postrider delivers webhooks: signed, retried, and on record.
///
/// Every option can be given as a flag or through the environment variable that stands beside it;
/// the flag wins. `postrider help COMMAND` lists the options of a command.
#[derive(clap::Parser, Debug)]
#[command(name = "postrider", version, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    Standalone(Box<Standalone>),
    Migrate(Migrate),
    Send(Box<SendEvents>),
    Listen(Listen),
    Verify(Verify),
    Tenants(Tenants),
    Keys(Keys),
    Webhooks(Webhooks),
    Events(Events),
    Deliveries(Deliveries),
    Replay(Replay),
    Replays(Replays),
    DeadLetters(DeadLetters),
    Import(Import),
    Contract(ContractCommand),
    Profiles(Profiles),
    Completions(Completions),
}

/// A command could not do what it is for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    #[error(transparent)]
    Standalone(#[from] StandaloneError),
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    #[error(transparent)]
    Send(#[from] SendError),
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error(transparent)]
    Verify(#[from] CheckError),
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Profiles(#[from] ProfilesError),
    #[error(transparent)]
    Contract(#[from] ContractCommandError),
    #[error(transparent)]
    Output(#[from] OutputError),
}

impl Cli {
    /// Runs the command that was typed, and tells why it failed if it did.
    pub(crate) async fn run(self) -> ExitCode {
        self.command.run().await.unwrap_or_else(|error| error.tell())
    }
}

impl Command {
    async fn run(self) -> Result<ExitCode, CommandError> {
        match self {
            Self::Standalone(standalone) => Box::pin(standalone.run()).await?,
            Self::Migrate(migrate) => migrate.run().await?,
            Self::Send(send) => return Ok(Box::pin(send.run()).await?),
            Self::Listen(listen) => listen.run().await?,
            Self::Verify(verify) => return Ok(verify.run()?),
            Self::Tenants(tenants) => tenants.run().await?,
            Self::Keys(keys) => keys.run().await?,
            Self::Webhooks(webhooks) => webhooks.run().await?,
            Self::Events(events) => events.run().await?,
            Self::Deliveries(deliveries) => deliveries.run().await?,
            Self::Replay(replay) => replay.run().await?,
            Self::Replays(replays) => replays.run().await?,
            Self::DeadLetters(letters) => letters.run().await?,
            Self::Import(import) => import.run().await?,
            Self::Contract(contract) => contract.run()?,
            Self::Profiles(profiles) => profiles.run()?,
            Self::Completions(completions) => completions.run()?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl CommandError {
    /// Says what went wrong and what to do about it; gives the code to exit with.
    fn tell(&self) -> ExitCode {
        if self.is_closed() {
            return ExitCode::SUCCESS;
        }
        output::note(&format!("error: {}", chain(self)));
        for line in self.advice().iter().flat_map(|advice| advice.lines()) {
            output::note(&format!("help: {line}"));
        }
        if self.is_usage() { ExitCode::from(USAGE) } else { ExitCode::FAILURE }
    }

    fn advice(&self) -> Option<String> {
        match self {
            Self::Send(error) => error.advice(),
            Self::Listen(error) => error.advice(),
            Self::Verify(error) => error.advice(),
            Self::Call(error) => error.advice(),
            Self::Profiles(error) => error.advice(),
            Self::Contract(error) => error.advice(),
            Self::Standalone(error) => error.advice().map(str::to_owned),
            Self::Migrate(_) | Self::Output(_) => None,
        }
    }

    /// Whether the command was typed wrongly in a way that the parser cannot see.
    fn is_usage(&self) -> bool {
        match self {
            Self::Send(error) => error.is_usage(),
            Self::Listen(error) => error.is_usage(),
            Self::Verify(error) => error.is_usage(),
            Self::Call(error) => error.is_usage(),
            Self::Profiles(error) => error.is_usage(),
            Self::Standalone(_) | Self::Migrate(_) | Self::Contract(_) | Self::Output(_) => false,
        }
    }

    /// Whether nobody reads on, as when `head` has seen enough.
    fn is_closed(&self) -> bool {
        match self {
            Self::Call(CallError::Output(error))
            | Self::Profiles(ProfilesError::Output(error))
            | Self::Contract(ContractCommandError::Output(error))
            | Self::Output(error) => error.is_closed(),
            _ => false,
        }
    }
}

//! What can be typed: the commands, by name. What a command takes and does stands with it in
//! `commands`; a new one is a variant here and a file there.

use crate::commands::migrate::{Migrate, MigrateError};
use crate::commands::standalone::{Standalone, StandaloneError};

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
}

/// A command could not do what it is for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    #[error(transparent)]
    Standalone(#[from] StandaloneError),
    #[error(transparent)]
    Migrate(#[from] MigrateError),
}

impl Cli {
    /// Runs the command that was typed.
    pub(crate) async fn run(self) -> Result<(), CommandError> {
        match self.command {
            Command::Standalone(standalone) => standalone.run().await?,
            Command::Migrate(migrate) => migrate.run().await?,
        }
        Ok(())
    }
}

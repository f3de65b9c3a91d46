//! `postrider contract`: reads contract files and shows what they promise. It talks to no server.

mod example;

use crate::output::{self, Column, OutputError, Table};
use postrider_contract::{BodyError, Contract, ContractErrors, Contracts, SecretError};
use std::io;
use std::path::PathBuf;

/// Check contract files, and show the contracts that ship built in
///
/// A contract is what a product promises its receivers: body, headers, signature, schedule. Each is a
/// TOML file; docs/contracts.md says what stands in it.
#[derive(clap::Args, Debug)]
pub(crate) struct ContractCommand {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    Check(Check),
    List(List),
    Show(Show),
}

/// Say what is wrong with a contract file, or what a receiver would get
///
/// Lists the mistakes with their file, line and column: all of them, once every key is one that there
/// is, is there, and has the right type. A file without one is shown as a request for an
/// example event, as a receiver would get it, with the secret that it is signed with.
///
/// Exits with 0 when the file is right, with 1 when it is not, with 2 when the options are wrong.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  postrider contract check acme.toml
  postrider contract check acme.toml --event order.placed")]
struct Check {
    /// The contract file
    file: PathBuf,
    /// Type of the example event [default: the first of the file's events]
    #[arg(long, value_name = "TYPE")]
    event: Option<String>,
}

/// List the contracts that ship built in
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  postrider contract list")]
struct List {}

/// Print a built-in contract's file
///
/// It is a good start for a contract of your own: copy it, and give it another name.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  postrider contract show github
  postrider contract show github > acme.toml")]
struct Show {
    /// The contract's name
    name: String,
    /// Show a request as a receiver would get it instead of the file
    #[arg(long)]
    request: bool,
    /// Type of the example event [default: the first of the contract's events]
    #[arg(long, value_name = "TYPE", requires = "request")]
    event: Option<String>,
}

/// It could not be checked or shown.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ContractCommandError {
    #[error("{} cannot be read", .0.display())]
    File(PathBuf, #[source] io::Error),
    #[error("the contract is not right:\n{0}")]
    Wrong(ContractErrors),
    #[error("there is no built-in contract {0}")]
    Unknown(String),
    #[error("the contract's events do not have {0}")]
    NoSuchEvent(String),
    #[error("the contract's own secret does not fit its rule")]
    Secret(#[from] SecretError),
    #[error("the example's body cannot be written")]
    Body(#[from] BodyError),
    #[error(transparent)]
    Output(#[from] OutputError),
}

impl ContractCommandError {
    /// What to do about it.
    pub(crate) fn advice(&self) -> Option<String> {
        match self {
            Self::Wrong(_) => Some("docs/contracts.md describes every key".to_owned()),
            Self::Unknown(_) => {
                Some(format!("there are {}", Contracts::built_in().names().join(", ")))
            }
            _ => None,
        }
    }
}

impl ContractCommand {
    /// Does what was typed.
    pub(crate) fn run(self) -> Result<(), ContractCommandError> {
        match self.verb {
            Verb::Check(check) => check.run(),
            Verb::List(List {}) => list(),
            Verb::Show(show) => show.run(),
        }
    }
}

impl Check {
    fn run(self) -> Result<(), ContractCommandError> {
        let read = std::fs::read_to_string(&self.file);
        let text = read.map_err(|error| ContractCommandError::File(self.file.clone(), error))?;
        let file = self.file.display().to_string();
        let contract = Contract::parse(&file, &text).map_err(ContractCommandError::Wrong)?;
        let example = example::shown(&contract, self.event.as_deref())?;
        let name = contract.name();
        let built_in = Contracts::built_in();
        if built_in.get(name).is_some_and(|known| known.source() != contract.source()) {
            output::note(&format!(
                "a built-in contract is called {name}: in the folder of own contracts this file needs \
                 another name"
            ));
        }
        Ok(output::print(&format!("{file}: the contract {name} is right\n\n{example}"))?)
    }
}

impl Show {
    fn run(self) -> Result<(), ContractCommandError> {
        let contracts = Contracts::built_in();
        let found = contracts.get(&self.name);
        let contract = found.ok_or_else(|| ContractCommandError::Unknown(self.name.clone()))?;
        if self.request {
            return Ok(output::print(&example::shown(contract, self.event.as_deref())?)?);
        }
        Ok(output::print(contract.source())?)
    }
}

fn list() -> Result<(), ContractCommandError> {
    let mut table =
        Table::new(&[Column::Whole("NAME"), Column::Number("EVENTS"), Column::Text("FOR")]);
    for contract in Contracts::built_in().iter() {
        let events = contract.catalogue().len().to_string();
        table.row([contract.name().to_owned(), events, contract.description().to_owned()]);
    }
    Ok(output::print(&table.shown())?)
}

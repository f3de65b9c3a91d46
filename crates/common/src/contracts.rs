//! An operator's own contracts: the folder that they stand in.
//!
//! What a contract may say is crate `contract`'s business; which one is in force, the store's.

mod folder;
#[cfg(test)]
mod tests;

pub use folder::ContractsFolder;

use postrider_contract::{Contract, ContractError};
use std::path::PathBuf;
use std::sync::Arc;

/// Where an operator's own contracts are.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct ContractsConfig {
    /// Folder with contracts of your own, one *.toml each; changes take effect without a restart
    #[arg(long, env = "POSTRIDER_CONTRACTS_DIR", value_name = "DIR")]
    pub contracts_dir: Option<PathBuf>,
}

/// What stood in the folder at one look.
#[derive(Clone, Debug, Default)]
pub struct OwnContracts {
    /// The contracts, in the order of their files' names; no two of one name, and none of a built-in one's.
    pub contracts: Vec<Arc<Contract>>,
    /// What cannot be used, in the same order.
    pub refused: Vec<RefusedFile>,
}

/// A file that gives no contract, or the folder itself. Equal as long as neither its content nor what is
/// wrong with it has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedFile {
    /// What is wrong with it: at least one thing, each with file, line and reason.
    pub errors: Vec<ContractError>,
    content: Content,
}

/// SHA-256 of what a file held, or of why it could not be read.
type Content = [u8; 32];

//! Looking into the folder, again and again.
//!
//! A look reads what is there: a change shows in the content alone, so that it does not matter whether an
//! editor writes a file anew, renames another over it, or a symbolic link is turned to another folder, as
//! Kubernetes does with a `ConfigMap`.

use super::{Content, ContractsConfig, OwnContracts, RefusedFile};
use postrider_contract::{Contract, ContractError, Contracts};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The largest contract file, in bytes.
const MAX_FILE: usize = 1024 * 1024;
/// Files that are read; a folder with more is hardly one of contracts.
const MAX_FILES: usize = 1000;

/// A folder, and what was seen in it last.
#[derive(Debug, Default)]
pub struct ContractsFolder {
    path: Option<PathBuf>,
    seen: BTreeMap<OsString, Seen>,
}

/// A file as of the last look.
#[derive(Clone, Debug)]
struct Seen {
    content: Content,
    read: Result<Arc<Contract>, Vec<ContractError>>,
}

impl ContractsFolder {
    /// The folder that the configuration names; without one there is never anything in it.
    pub fn new(config: &ContractsConfig) -> Self {
        Self { path: config.contracts_dir.clone(), seen: BTreeMap::new() }
    }

    /// Whether there is a folder to look into.
    pub fn is_configured(&self) -> bool {
        self.path.is_some()
    }

    /// Reads what stands in the folder now: every `*.toml` that is not hidden, in the order of their
    /// names, and none in folders below. Blocks as long as the disk does. A contract whose file has not
    /// changed is the very one of the look before.
    pub fn look(&mut self) -> OwnContracts {
        let Some(path) = &self.path else { return OwnContracts::default() };
        let mut names = match contract_files(path) {
            Ok(names) => names,
            Err(error) => {
                self.seen.clear();
                return refused_folder(path, format!("the folder cannot be read: {error}"));
            }
        };
        let beyond = names.iter().nth(MAX_FILES).cloned();
        let beyond = beyond.map(|first| (names.split_off(&first), first));
        let look = |name: OsString| {
            let seen = look_at(&path.join(&name), self.seen.get(&name));
            (name, seen)
        };
        self.seen = names.into_iter().map(look).collect();
        let mut own = gather(path, &self.seen);
        if let Some((files, first)) = beyond {
            let (count, first) = (files.len(), first.display());
            let reason =
                format!("{count} files from {first} on are left out: at most {MAX_FILES} are read");
            own.refused.extend(refused_folder(path, reason).refused);
        }
        own
    }
}

/// The names of the files that should be contracts. Nothing else is looked at: folders, pipes, and what
/// editors and Kubernetes keep beside.
fn contract_files(folder: &Path) -> io::Result<BTreeSet<OsString>> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let is_toml = Path::new(&name).extension() == Some(OsStr::new("toml"));
        let is_hidden = name.as_encoded_bytes().starts_with(b".");
        // One that cannot be looked at, such as a link to nowhere, is not passed over in silence.
        let may_be_file = || fs::metadata(folder.join(&name)).map_or(true, |known| known.is_file());
        if is_toml && !is_hidden && may_be_file() {
            names.insert(name);
        }
    }
    Ok(names)
}

fn look_at(file: &Path, before: Option<&Seen>) -> Seen {
    let shown = file.display().to_string();
    match read(file) {
        Ok(bytes) => {
            let content = Sha256::digest(&bytes).into();
            match before {
                Some(seen) if seen.content == content => seen.clone(),
                _ => Seen { content, read: parse(&shown, &bytes).map(Arc::new) },
            }
        }
        Err(reason) => Seen {
            content: Sha256::digest(&reason).into(),
            read: Err(vec![problem(&shown, 1, "", reason)]),
        },
    }
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let limit = MAX_FILE as u64 + 1;
    let read = File::open(file).and_then(|file| file.take(limit).read_to_end(&mut bytes));
    match read {
        Ok(_) if bytes.len() > MAX_FILE => Err("it is larger than 1 MiB".to_owned()),
        Ok(_) => Ok(bytes),
        Err(error) => Err(format!("it cannot be read: {error}")),
    }
}

fn parse(shown: &str, bytes: &[u8]) -> Result<Contract, Vec<ContractError>> {
    let text = str::from_utf8(bytes).map_err(|error| {
        let valid = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        let line = 1 + valid.matches('\n').count();
        vec![problem(shown, line, "", "must be UTF-8")]
    })?;
    Contract::parse(shown, text).map_err(|errors| errors.iter().cloned().collect())
}

/// Sorts the files into contracts and refused ones. Of those that share a name, the first has it.
fn gather(folder: &Path, seen: &BTreeMap<OsString, Seen>) -> OwnContracts {
    let built_in = Contracts::built_in();
    let mut owners: BTreeMap<&str, String> = BTreeMap::new();
    let mut own = OwnContracts::default();
    for (file, Seen { content, read }) in seen {
        let shown = folder.join(file).display().to_string();
        let errors = match read {
            Err(errors) => errors.clone(),
            Ok(contract) => {
                let name = contract.name();
                let taken = match owners.get(name) {
                    Some(owner) => Some(format!("the contract of {owner} is called {name}")),
                    None if built_in.get(name).is_some() => {
                        Some(format!("a built-in contract is called {name}"))
                    }
                    None => None,
                };
                let Some(reason) = taken else {
                    owners.insert(name, shown);
                    own.contracts.push(Arc::clone(contract));
                    continue;
                };
                vec![problem(&shown, line_of_name(contract.source()), "name", reason)]
            }
        };
        own.refused.push(RefusedFile { errors, content: *content });
    }
    own
}

/// The line in which a right contract file says its name: before any table.
fn line_of_name(source: &str) -> usize {
    let says_name = |line: &str| {
        let value = line.trim_start().trim_start_matches(['"', '\'']).strip_prefix("name");
        let value = value.map(|rest| rest.trim_start_matches(['"', '\'']).trim_start());
        value.is_some_and(|rest| rest.starts_with('='))
    };
    1 + source.lines().position(says_name).unwrap_or_default()
}

fn refused_folder(folder: &Path, reason: String) -> OwnContracts {
    let content = Sha256::digest(&reason).into();
    let errors = vec![problem(&folder.display().to_string(), 1, "", reason)];
    OwnContracts { contracts: Vec::new(), refused: vec![RefusedFile { errors, content }] }
}

fn problem(file: &str, line: usize, key: &str, reason: impl Into<String>) -> ContractError {
    let (file, key) = (file.to_owned(), key.to_owned());
    ContractError { file, line, column: 1, key, reason: reason.into() }
}

//! `postrider profiles`: servers by name. What is kept, and how, is `server`'s.

mod add;

use crate::output::{self, Column, ConfirmArgs, ConfirmError, OutputError, Table, record};
use crate::server::{
    ConfigFile, ConfigFileError, Key, KeyError, Profile, ProfileName, Profiles as Kept, ServerUrl,
};
use add::Add;
use std::io;
use std::path::{Path, PathBuf};

/// Keep servers and their keys by name
///
/// A profile holds where a server is, a key for it, and a tenant. Commands take the profile that
/// `postrider profiles use` chose, or the one that `--profile` names. Profiles are kept in
/// postrider/config.toml in the user's configuration directory (`--config` names another file), which
/// nobody else may be able to read.
#[derive(clap::Args, Debug)]
pub(crate) struct Profiles {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    List(List),
    Add(Add),
    Use(Use),
    Show(Show),
    Remove(Remove),
}

/// List the profiles; `*` marks the one that is used
///
/// Of a key only its public part is shown.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  postrider profiles list")]
struct List {
    #[command(flatten)]
    config: ConfigFile,
}

/// Choose the profile that commands use when none is named
///
/// `--profile` and `POSTRIDER_PROFILE` still win.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  postrider profiles use production")]
struct Use {
    /// The profile's name
    name: ProfileName,
    #[command(flatten)]
    config: ConfigFile,
}

/// Show a profile
///
/// Of the key only its public part is shown.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  postrider profiles show
  postrider profiles show production")]
struct Show {
    /// The profile's name [default: the one that is used]
    name: Option<ProfileName>,
    #[command(flatten)]
    config: ConfigFile,
}

/// Remove a profile, with its key
///
/// The key stays valid: `postrider keys revoke` ends it.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  postrider profiles remove production --yes")]
struct Remove {
    /// The profile's name
    name: ProfileName,
    #[command(flatten)]
    confirm: ConfirmArgs,
    #[command(flatten)]
    config: ConfigFile,
}

/// The profiles are as they were.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProfilesError {
    #[error(transparent)]
    Config(#[from] ConfigFileError),
    #[error("there is no profile {name} in {}", path.display())]
    Unknown { name: ProfileName, path: PathBuf },
    #[error("no profile is used")]
    NoneUsed,
    #[error("there is a profile {0} already")]
    Exists(ProfileName),
    #[error("cannot read the key from standard input")]
    Input(#[source] io::Error),
    #[error("the key on standard input is wrong: it")]
    Key(#[source] KeyError),
    #[error(transparent)]
    Confirm(#[from] ConfirmError),
    #[error(transparent)]
    Output(#[from] OutputError),
}

impl ProfilesError {
    /// What to do about it.
    pub(crate) fn advice(&self) -> Option<String> {
        match self {
            Self::Config(error) => error.advice(),
            Self::Unknown { .. } => Some("`postrider profiles list` lists them".to_owned()),
            Self::NoneUsed => Some("choose one: `postrider profiles use NAME`".to_owned()),
            Self::Exists(_) => Some("--replace puts this one in its place".to_owned()),
            Self::Confirm(error) => error.advice(),
            Self::Input(_) | Self::Key(_) | Self::Output(_) => None,
        }
    }

    /// Whether the command was typed wrongly, rather than tried in vain.
    pub(crate) fn is_usage(&self) -> bool {
        matches!(self, Self::Confirm(ConfirmError::NoTerminal))
    }
}

impl Profiles {
    /// Does what was typed.
    pub(crate) fn run(self) -> Result<(), ProfilesError> {
        match self.verb {
            Verb::List(list) => list.run(),
            Verb::Add(add) => add.run(),
            Verb::Use(chosen) => chosen.run(),
            Verb::Show(show) => show.run(),
            Verb::Remove(remove) => remove.run(),
        }
    }
}

impl List {
    fn run(self) -> Result<(), ProfilesError> {
        let (_, kept) = self.config.read()?;
        if kept.profiles.is_empty() {
            output::note("there are none: `postrider profiles add NAME` makes one");
            return Ok(());
        }
        let columns = ["", "NAME", "API", "TENANT", "KEY"].map(Column::Whole);
        let mut table = Table::new(&columns);
        for (name, profile) in &kept.profiles {
            let used = if kept.current.as_ref() == Some(name) { "*" } else { "" };
            table.row([
                used.to_owned(),
                name.to_string(),
                api_url(profile),
                tenant(profile),
                key(profile),
            ]);
        }
        Ok(output::print(&table.shown())?)
    }
}

impl Use {
    fn run(self) -> Result<(), ProfilesError> {
        let name = self.name;
        self.config.change(|path, kept, edit| {
            find(kept, &name, path)?;
            edit.set_current(Some(&name));
            Ok::<_, ProfilesError>(())
        })?;
        output::note(&format!("{name} is used from now on"));
        Ok(())
    }
}

impl Show {
    fn run(self) -> Result<(), ProfilesError> {
        let (path, kept) = self.config.read()?;
        let name = self.name.or_else(|| kept.current.clone()).ok_or(ProfilesError::NoneUsed)?;
        let profile = find(&kept, &name, &path)?;
        let grpc_url = profile.grpc_url.as_ref().unwrap_or(&ServerUrl::GRPC);
        Ok(output::print(&record(&[
            ("name", name.to_string()),
            ("api url", api_url(profile)),
            ("grpc url", grpc_url.to_string()),
            ("tenant", tenant(profile)),
            ("key", key(profile)),
            ("kept in", path.display().to_string()),
        ]))?)
    }
}

impl Remove {
    fn run(self) -> Result<(), ProfilesError> {
        let name = self.name;
        let confirm = self.confirm;
        self.config.change(|path, kept, edit| {
            find(kept, &name, path)?;
            confirm.confirm(&format!("Remove profile {name} with its key"))?;
            edit.remove(&name);
            if kept.current.as_ref() == Some(&name) {
                edit.set_current(None);
            }
            Ok::<_, ProfilesError>(())
        })?;
        output::note(&format!("removed {name}"));
        Ok(())
    }
}

fn find<'a>(kept: &'a Kept, name: &ProfileName, path: &Path) -> Result<&'a Profile, ProfilesError> {
    let found = kept.profiles.get(name);
    found.ok_or_else(|| ProfilesError::Unknown { name: name.clone(), path: path.to_owned() })
}

fn api_url(profile: &Profile) -> String {
    profile.api_url.as_ref().unwrap_or(&ServerUrl::API).to_string()
}

fn tenant(profile: &Profile) -> String {
    profile.tenant.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string)
}

fn key(profile: &Profile) -> String {
    profile.key.as_ref().map_or_else(|| "-".to_owned(), Key::shown)
}

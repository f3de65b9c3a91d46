//! The file that profiles are kept in: where it is, that nobody else can read it, and that it is
//! replaced whole or not at all. What stands in it is `profiles`'s.

use super::profiles::{Edit, Mistake, Profiles};
use etcetera::{BaseStrategy as _, HomeDirError};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use toml_edit::TomlError;

/// Where the file is.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct ConfigFile {
    /// File that profiles are kept in [default: postrider/config.toml in the user's configuration
    /// directory]
    #[arg(long, env = "POSTRIDER_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

/// The file cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigFileError {
    #[error("the user has no home directory")]
    NoHome(#[source] HomeDirError),
    #[error("cannot read {}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("others can read the keys in {} (mode {mode:04o})", path.display())]
    Readable { path: PathBuf, mode: u32 },
    #[error("{}:{}: {}", path.display(), mistake.line, mistake.reason)]
    Mistake { path: PathBuf, mistake: Mistake },
    #[error("cannot change {}", path.display())]
    Unchangeable {
        path: PathBuf,
        #[source]
        cause: TomlError,
    },
    #[error("cannot write {}", path.display())]
    Write {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
}

impl ConfigFileError {
    /// What to do about it.
    pub(crate) fn advice(&self) -> Option<String> {
        match self {
            Self::NoHome(_) => Some("name the file with --config or POSTRIDER_CONFIG".to_owned()),
            Self::Readable { path, .. } => {
                Some(format!("keep them to yourself: chmod 600 {}", path.display()))
            }
            _ => None,
        }
    }
}

impl ConfigFile {
    /// Where the file is, and the profiles in it; none when there is no file.
    pub(crate) fn read(&self) -> Result<(PathBuf, Profiles), ConfigFileError> {
        let path = self.path()?;
        let (_, profiles) = read(&path)?;
        Ok((path, profiles))
    }

    /// Changes the file: `change` sees the profiles and makes its changes, or refuses with an error
    /// of its own. Gives what it gave, and where the file is.
    pub(crate) fn change<T, E: From<ConfigFileError>>(
        &self,
        change: impl FnOnce(&Path, &Profiles, &mut Edit) -> Result<T, E>,
    ) -> Result<T, E> {
        let path = self.path()?;
        let (text, profiles) = read(&path)?;
        let unchangeable = |cause| ConfigFileError::Unchangeable { path: path.clone(), cause };
        let mut edit = Edit::of(&text).map_err(unchangeable)?;
        let given = change(&path, &profiles, &mut edit)?;
        write(&path, &edit.into_text())
            .map_err(|cause| ConfigFileError::Write { path: path.clone(), cause })?;
        Ok(given)
    }

    fn path(&self) -> Result<PathBuf, ConfigFileError> {
        if let Some(path) = &self.config {
            return Ok(path.clone());
        }
        let directories = etcetera::choose_base_strategy().map_err(ConfigFileError::NoHome)?;
        Ok(directories.config_dir().join("postrider").join("config.toml"))
    }
}

fn read(path: &Path) -> Result<(String, Profiles), ConfigFileError> {
    let unreadable = |cause| ConfigFileError::Read { path: path.to_owned(), cause };
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok((String::new(), Profiles::default()));
        }
        opened => opened.map_err(unreadable)?,
    };
    if let Some(mode) = mode_open_to_others(&file).map_err(unreadable)? {
        return Err(ConfigFileError::Readable { path: path.to_owned(), mode });
    }
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(unreadable)?;
    match Profiles::parse(&text) {
        Ok(profiles) => Ok((text, profiles)),
        Err(mistake) => Err(ConfigFileError::Mistake { path: path.to_owned(), mistake }),
    }
}

/// The file's mode, when it lets anybody but its owner read or write.
#[cfg(unix)]
fn mode_open_to_others(file: &File) -> io::Result<Option<u32>> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = file.metadata()?;
    let mode = metadata.mode() & 0o777;
    Ok((metadata.is_file() && mode & 0o077 != 0).then_some(mode))
}

#[cfg(not(unix))]
fn mode_open_to_others(_file: &File) -> io::Result<Option<u32>> {
    Ok(None)
}

/// Writes beside the file and renames. A temporary file is its owner's alone from the start.
fn write(path: &Path, text: &str) -> io::Result<()> {
    // A link stays one: what it points to is replaced.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(&path)?;
    Ok(())
}

//! The data folder: its lock, its keys, its database's place.

use super::services::Listeners;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postrider_common::config::{AdminKey, AdminKeyError};
use postrider_common::seal::{Keyring, MasterKeyError};
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const LOCK: &str = "lock";
const DATABASE: &str = "postrider.db";
const ADMIN_KEY: &str = "admin.key";
const MASTER_KEY: &str = "master.key";
/// For the owner alone.
const PRIVATE_FILE: u32 = 0o600;
const PRIVATE_FOLDER: u32 = 0o700;

/// The folder, which is ours as long as this lives.
pub(super) struct DataFolder {
    path: PathBuf,
    /// Where the admin key is, when it is here.
    admin_key: Option<PathBuf>,
    _lock: File,
}

/// The folder, or what is in it, cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DataError {
    #[error("the data folder {0} cannot be made")]
    Folder(PathBuf, #[source] io::Error),
    #[error("the data folder {0} cannot be locked")]
    Lock(PathBuf, #[source] io::Error),
    #[error(
        "the data folder {0} is in use by another process: stop that one, or give this one a folder \
         of its own with --data-dir (POSTRIDER_DATA_DIR)"
    )]
    InUse(PathBuf),
    #[error("the database {0} cannot be locked")]
    DatabaseLock(PathBuf, #[source] io::Error),
    #[error(
        "the database {0} is in use by another process: stop that one, or give this one another"
    )]
    DatabaseInUse(PathBuf),
    #[error("the key file {0} cannot be read or made")]
    KeyFile(PathBuf, #[source] io::Error),
    #[error("{0} is not the admin key that was put there")]
    AdminKey(PathBuf, #[source] AdminKeyError),
    #[error("{0} is not the master key that was put there")]
    MasterKey(PathBuf, #[source] MasterKeyError),
    #[error(
        "the database has tenants, but there is no {MASTER_KEY} in {0}, without which their signing \
         secrets cannot be opened: put the file there, or give the key with --master-key \
         (POSTRIDER_MASTER_KEY)"
    )]
    MasterKeyGone(PathBuf),
}

impl DataFolder {
    /// Makes the folder when it is missing, and locks it.
    pub(super) fn open(path: &Path) -> Result<Self, DataError> {
        let made = DirBuilder::new().recursive(true).mode(PRIVATE_FOLDER).create(path);
        made.map_err(|error| DataError::Folder(path.to_owned(), error))?;
        match lock(&path.join(LOCK)) {
            Ok(lock) => Ok(Self { path: path.to_owned(), admin_key: None, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(DataError::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(DataError::Lock(path.to_owned(), error)),
        }
    }

    /// Where the database is unless told otherwise.
    pub(super) fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }

    /// The admin key, made at the first start.
    pub(super) fn admin_key(&mut self) -> Result<AdminKey, DataError> {
        let (file, text) = self.key(ADMIN_KEY)?;
        let key = text.parse().map_err(|error| DataError::AdminKey(file.clone(), error))?;
        self.admin_key = Some(file);
        Ok(key)
    }

    /// The key that seals signing secrets; made only for a database that is not used yet.
    pub(super) fn master_key(&self, is_unused: bool) -> Result<Keyring, DataError> {
        if !is_unused && !self.path.join(MASTER_KEY).exists() {
            return Err(DataError::MasterKeyGone(self.path.clone()));
        }
        let (file, text) = self.key(MASTER_KEY)?;
        text.parse().map_err(|error| DataError::MasterKey(file, error))
    }

    /// Says where everything is, once it is there.
    pub(super) fn greet(&self, listeners: &Listeners, out: &mut impl Write) -> io::Result<()> {
        let admin_key = self.admin_key.as_ref().map(|file| file.display().to_string());
        writeln!(out, "Postrider takes events and requests:")?;
        writeln!(out, "  gRPC       {}", listeners.grpc.local_addr()?)?;
        writeln!(out, "  REST       http://{}/api/v1", listeners.http.local_addr()?)?;
        writeln!(out, "  data       {}", self.path.display())?;
        writeln!(out, "  admin key  {}", admin_key.as_deref().unwrap_or("as given"))
    }

    /// The text in a key file; a missing one is made, of 32 random bytes.
    fn key(&self, name: &str) -> Result<(PathBuf, Zeroizing<String>), DataError> {
        let file = self.path.join(name);
        let text = match fs::read_to_string(&file) {
            Ok(text) => Ok(Zeroizing::new(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => make_key(&file),
            Err(error) => Err(error),
        };
        match text {
            Ok(text) => Ok((file, Zeroizing::new(text.trim().to_owned()))),
            Err(error) => Err(DataError::KeyFile(file, error)),
        }
    }
}

/// Locks a database beside its file, wherever that is: folders of two processes may name the same one.
pub(super) fn lock_database(file: &Path) -> Result<File, DataError> {
    let mut name = file.as_os_str().to_owned();
    name.push(".lock");
    lock(Path::new(&name)).map_err(|error| match error {
        TryLockError::WouldBlock => DataError::DatabaseInUse(file.to_owned()),
        TryLockError::Error(error) => DataError::DatabaseLock(file.to_owned(), error),
    })
}

/// The operating system lets go of it when the process ends, however it ends.
fn lock(file: &Path) -> Result<File, TryLockError> {
    let lock = private_file().truncate(false).open(file).map_err(TryLockError::Error)?;
    lock.try_lock().map(|()| lock)
}

/// Makes a key, on the disk before anything is sealed with it; a kill leaves a whole file or none.
fn make_key(file: &Path) -> io::Result<Zeroizing<String>> {
    let key = Zeroizing::new(rand::random::<[u8; 32]>());
    let text = Zeroizing::new(STANDARD.encode(key.as_slice()));
    let unfinished = file.with_extension("new");
    let mut writing = private_file().truncate(true).open(&unfinished)?;
    writeln!(writing, "{}", text.as_str())?;
    writing.sync_all()?;
    fs::rename(&unfinished, file)?;
    if let Some(folder) = file.parent() {
        File::open(folder)?.sync_all()?;
    }
    tracing::info!(file = %file.display(), "made a key");
    Ok(text)
}

fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).mode(PRIVATE_FILE);
    options
}

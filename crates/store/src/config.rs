//! Which database, and how many connections; from the URL's scheme follows the adapter.
//!
//! Services that share a database take a [`DatabaseUrl`], which names a server; a process that may
//! also be the only one to use its database takes an [`AnyDatabaseUrl`], which may name a file.

use crate::postgres::PgStore;
use crate::sqlite::SqliteStore;
use crate::{SharedStore, StoreError};
use postrider_common::config::SecretParser;
use postrider_common::tenant::{TenantId, TenantIdError};
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::sqlite::SqliteConnectOptions;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

const SERVER_SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];
const FILE_SCHEME: &str = "sqlite://";

/// Where events are stored.
#[derive(clap::Args, Clone, Debug)]
pub struct StoreConfig {
    /// The database: postgres://user:password@host:port/name
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL",
          value_parser = SecretParser::<DatabaseUrl>::new())]
    pub database_url: DatabaseUrl,
    /// Connections to the database that this process may open
    #[arg(long, env = "POSTRIDER_DATABASE_CONNECTIONS", default_value_t = 16, value_name = "N",
          value_parser = clap::value_parser!(u32).range(2..=1000))]
    pub database_connections: u32,
    /// Who is told.
    #[command(flatten)]
    pub operator: OperatorConfig,
}

/// Whom operational events go to: see [`crate::Operations`].
#[derive(clap::Args, Clone, Debug, Default)]
pub struct OperatorConfig {
    /// The operator's own tenant, which gets an event when an endpoint is switched off, is about to be or
    /// is on again, when a delivery is given up, and when a replay in bulk is over; the same for all
    /// services
    #[arg(long, env = "POSTRIDER_OPERATOR_TENANT", value_name = "TENANT", value_parser = tenant_id)]
    pub operator_tenant: Option<TenantId>,
}

fn tenant_id(text: &str) -> Result<TenantId, TenantIdError> {
    TenantId::parse(text)
}

/// The URL of a database server, which may hold a password.
#[derive(Clone, Debug)]
pub struct DatabaseUrl(SecretString);

/// The text is no URL of a database server that we know. It never shows the URL, which may hold a
/// password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseUrlError {
    /// It has another scheme, or none.
    #[error("must start with postgres:// or postgresql://")]
    Unknown,
    /// It names a file, which several processes cannot share.
    #[error(
        "must start with postgres:// or postgresql://; several processes cannot share sqlite://"
    )]
    File,
    /// It starts as it should and then cannot be understood.
    #[error("must have the form postgres://user:password@host:port/name")]
    Malformed,
}

impl FromStr for DatabaseUrl {
    type Err = DatabaseUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with(FILE_SCHEME) {
            return Err(DatabaseUrlError::File);
        }
        if !SERVER_SCHEMES.iter().any(|scheme| text.starts_with(scheme)) {
            return Err(DatabaseUrlError::Unknown);
        }
        if !PgStore::understands(text) {
            return Err(DatabaseUrlError::Malformed);
        }
        Ok(Self(SecretString::from(text)))
    }
}

/// The URL of a database of whichever engine.
#[derive(Clone, Debug)]
pub enum AnyDatabaseUrl {
    /// PostgreSQL.
    Server(DatabaseUrl),
    /// SQLite: the path of its file.
    File(PathBuf),
}

/// The text is no database URL that we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnyDatabaseUrlError {
    /// It has another scheme, or none.
    #[error("must start with postgres://, postgresql:// or sqlite://")]
    Unknown,
    /// It names a server and cannot be understood.
    #[error("must have the form postgres://user:password@host:port/name")]
    Malformed,
    /// It is not a file that events could be kept in.
    #[error("must name a file after sqlite://, and no parameters")]
    NoFile,
}

impl FromStr for AnyDatabaseUrl {
    type Err = AnyDatabaseUrlError;

    /// Takes `sqlite://folder/file` for a relative path and `sqlite:///folder/file` for an absolute
    /// one, percent-encoded where it must be.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(url) => Ok(Self::Server(url)),
            Err(DatabaseUrlError::Unknown) => Err(AnyDatabaseUrlError::Unknown),
            Err(DatabaseUrlError::Malformed) => Err(AnyDatabaseUrlError::Malformed),
            Err(DatabaseUrlError::File) => {
                file_of(text).map(Self::File).ok_or(AnyDatabaseUrlError::NoFile)
            }
        }
    }
}

/// The file that a URL names; none for a database in memory.
fn file_of(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix(FILE_SCHEME)?;
    if path.is_empty() || path.starts_with(':') || path.contains('?') {
        return None;
    }
    let options = SqliteConnectOptions::from_str(url).ok()?;
    Some(Path::to_path_buf(options.get_filename()))
}

/// Prepares a store; connections are made when they are needed, so that a service starts while its
/// database is away. Fails only on a URL that cannot be understood.
pub fn connect(config: &StoreConfig) -> Result<SharedStore, StoreError> {
    let url = config.database_url.0.expose_secret();
    let store = PgStore::connect(url, config.database_connections)?;
    Ok(Arc::new(store.operated_by(config.operator.operator_tenant.clone())))
}

/// The same, of whichever engine.
pub fn connect_any(
    url: &AnyDatabaseUrl,
    connections: u32,
    operator: OperatorConfig,
) -> Result<SharedStore, StoreError> {
    let operator = operator.operator_tenant;
    match url {
        AnyDatabaseUrl::Server(url) => {
            let store = PgStore::connect(url.0.expose_secret(), connections)?;
            Ok(Arc::new(store.operated_by(operator)))
        }
        AnyDatabaseUrl::File(path) => {
            Ok(Arc::new(SqliteStore::open(path, connections).operated_by(operator)))
        }
    }
}

//! Which database, and how many connections; from the URL's scheme follows the adapter.

use crate::postgres::PgStore;
use crate::{SharedStore, StoreError};
use postrider_common::config::SecretParser;
use secrecy::{ExposeSecret as _, SecretString};
use std::str::FromStr;
use std::sync::Arc;

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
}

/// A database's URL, which may hold a password.
#[derive(Clone, Debug)]
pub struct DatabaseUrl(SecretString);

/// The text is no database URL that we know. It never shows the URL, which may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseUrlError {
    /// It is another kind of URL, or none.
    #[error("must start with postgres:// or postgresql://")]
    Scheme,
    /// It starts as it should and then cannot be understood.
    #[error("must have the form postgres://user:password@host:port/name")]
    Malformed,
}

impl FromStr for DatabaseUrl {
    type Err = DatabaseUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = ["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme));
        if !known {
            return Err(DatabaseUrlError::Scheme);
        }
        if !PgStore::understands(text) {
            return Err(DatabaseUrlError::Malformed);
        }
        Ok(Self(SecretString::from(text)))
    }
}

/// Prepares a store; connections are made when they are needed, so that a service starts while its
/// database is away. Fails only on a URL that cannot be understood.
pub fn connect(config: &StoreConfig) -> Result<SharedStore, StoreError> {
    let url = config.database_url.0.expose_secret();
    Ok(Arc::new(PgStore::connect(url, config.database_connections)?))
}

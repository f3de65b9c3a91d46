//! The key that calls are made with, and where it came from. It is printed by nothing.

use super::ProfileName;
use postrider_common::api_key::prefix_of;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer, de};
use std::fmt;
use std::str::FromStr;

/// The variable that commands take it from.
const VARIABLE: &str = "POSTRIDER_KEY";

/// A tenant's API key, or the admin key.
#[derive(Clone, Debug)]
pub(crate) struct Key(SecretString);

/// The text cannot be a key. What it holds is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeyError {
    #[error("is empty: leave it out, or look where the key should have come from")]
    Empty,
    #[error("must not hold control characters")]
    Control,
}

/// Where a key came from.
#[derive(Clone, Debug)]
pub(crate) enum KeyOrigin {
    /// `--key`.
    Flag,
    /// `POSTRIDER_KEY`.
    Environment,
    /// The profile of this name.
    Profile(ProfileName),
}

impl Key {
    /// The key itself, for whoever presents or keeps it.
    pub(crate) fn secret(&self) -> &SecretString {
        &self.0
    }

    /// What may be shown of it: the public part of an API key; an admin key has none.
    pub(crate) fn shown(&self) -> String {
        prefix_of(&self.0).map_or_else(|| "…".to_owned(), |prefix| format!("{prefix}…"))
    }
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        // What `cat` or an editor leaves round a key is not part of it.
        let text = text.trim();
        if text.is_empty() {
            return Err(KeyError::Empty);
        }
        if text.chars().any(char::is_control) {
            return Err(KeyError::Control);
        }
        Ok(Self(SecretString::from(text)))
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl KeyOrigin {
    /// Whether a key that was given comes from the environment: clap answers a flag and a variable
    /// alike.
    pub(super) fn of_argument(key: &Key) -> Self {
        let variable = std::env::var(VARIABLE);
        if variable.is_ok_and(|value| value.trim() == key.0.expose_secret()) {
            Self::Environment
        } else {
            Self::Flag
        }
    }
}

impl fmt::Display for KeyOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("--key"),
            Self::Environment => f.write_str(VARIABLE),
            Self::Profile(name) => write!(f, "profile {name}"),
        }
    }
}

//! Configuration that more than one service reads, and how secrets are read.
//!
//! What one area alone reads stands with it: logs in [`crate::telemetry`], the grace in
//! [`crate::shutdown`], engines in their crates.

use crate::seal::Keyring;
use clap::builder::{TypedValueParser, ValueParserFactory};
use clap::error::ErrorKind;
use clap::{Arg, Command};
use secrecy::{ExposeSecret as _, SecretString};
use std::ffi::OsStr;
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

/// The shortest admin key, in characters.
pub const MIN_ADMIN_KEY_LEN: usize = 32;

/// Parses an argument that is secret: unlike clap's own parsers, it never repeats the value in its
/// error.
#[derive(Clone, Debug)]
pub struct SecretParser<T>(PhantomData<T>);

impl<T> SecretParser<T> {
    /// A parser by way of `T`'s `FromStr`.
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T> Default for SecretParser<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> TypedValueParser for SecretParser<T>
where
    T: FromStr<Err: fmt::Display> + Clone + Send + Sync + 'static,
{
    type Value = T;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<T, clap::Error> {
        let refuse = |rule: &dyn fmt::Display| {
            let name = argument.map(ToString::to_string).unwrap_or_default();
            let variable = argument.and_then(Arg::get_env).and_then(OsStr::to_str);
            let variable = variable.map(|name| format!(" ({name})")).unwrap_or_default();
            let message = format!("invalid value for '{name}'{variable}: {rule}\n");
            clap::Error::raw(ErrorKind::ValueValidation, message).with_cmd(command)
        };
        let text = value.to_str().ok_or_else(|| refuse(&"must be UTF-8"))?;
        T::from_str(text).map_err(|rule| refuse(&rule))
    }
}

/// The keys that secrets at rest are sealed with.
#[derive(clap::Args, Clone, Debug)]
pub struct SealConfig {
    /// 32 random bytes in base64 that seal secrets at rest; several separated by commas, for
    /// rotation: the first seals, all open
    #[arg(long, env = "POSTRIDER_MASTER_KEY", hide_env_values = true, value_name = "BASE64")]
    pub master_key: Keyring,
}

impl ValueParserFactory for Keyring {
    type Parser = SecretParser<Self>;

    fn value_parser() -> Self::Parser {
        SecretParser::new()
    }
}

/// The key that makes tenants and their API keys.
#[derive(Clone, Debug)]
pub struct AdminKey(SecretString);

/// The admin key is too easy to guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must have at least {MIN_ADMIN_KEY_LEN} characters")]
pub struct AdminKeyError;

impl FromStr for AdminKey {
    type Err = AdminKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.chars().count() < MIN_ADMIN_KEY_LEN {
            return Err(AdminKeyError);
        }
        Ok(Self(SecretString::from(text)))
    }
}

impl ValueParserFactory for AdminKey {
    type Parser = SecretParser<Self>;

    fn value_parser() -> Self::Parser {
        SecretParser::new()
    }
}

impl AdminKey {
    /// Whether `presented` is the admin key. Hashes are compared, in constant time, so that neither
    /// the length nor a common start shows.
    pub fn matches(&self, presented: &SecretString) -> bool {
        use crate::api_key::ApiKeyHash;
        ApiKeyHash::of(&self.0).matches(&ApiKeyHash::of(presented))
    }

    /// The key itself, for whoever hands it on.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// Who may make tenants.
#[derive(clap::Args, Clone, Debug)]
pub struct AdminConfig {
    /// The key, of at least 32 characters, with which tenants and their API keys are made
    #[arg(long, env = "POSTRIDER_ADMIN_KEY", hide_env_values = true, value_name = "KEY")]
    pub admin_key: AdminKey,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        admin: AdminConfig,
        #[command(flatten)]
        seal: SealConfig,
    }

    const MASTER_KEY: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

    #[test]
    fn an_admin_key_is_long_and_matches_itself() {
        assert_eq!(AdminKey::from_str(&"x".repeat(31)).unwrap_err(), AdminKeyError);
        let key = AdminKey::from_str(&"x".repeat(32)).unwrap();
        assert!(key.matches(&SecretString::from("x".repeat(32))));
        assert!(!key.matches(&SecretString::from("x".repeat(33))));
    }

    #[test]
    fn an_error_names_argument_variable_and_rule_but_never_the_value() {
        let canary = "canary-value";
        let refused =
            |arguments: [&str; 5]| Cli::try_parse_from(arguments).unwrap_err().to_string();
        let admin = refused(["postrider", "--admin-key", canary, "--master-key", MASTER_KEY]);
        let long = "x".repeat(32);
        let master = refused(["postrider", "--admin-key", &long, "--master-key", canary]);
        for (said, variable) in [(&admin, "POSTRIDER_ADMIN_KEY"), (&master, "POSTRIDER_MASTER_KEY")]
        {
            assert!(said.contains(variable), "{said}");
            assert!(said.contains("32"), "{said}");
            assert!(!said.contains(canary), "{said}");
        }
    }
}

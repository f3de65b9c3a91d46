//! Whose signatures count: the secrets and the contract that `listen` and `verify` are given.
//!
//! How a signature is checked is the contract's own; here it gets its keys and the time.

use crate::clock;
use postrider_common::config::SecretParser;
use postrider_contract::{
    Contract, Contracts, DEFAULT_CONTRACT, Received, SecretError, SigningKey, VerifyError,
};
use secrecy::{ExposeSecret as _, SecretString};
use std::convert::Infallible;
use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// Whose signatures count.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct VerifierArgs {
    /// Signing secret of the endpoint; several, while one is being rotated. Other users of this
    /// machine can see a flag, so prefer the variable, where commas separate several
    #[arg(
        long = "secret",
        env = "POSTRIDER_SECRET",
        hide_env_values = true,
        value_name = "SECRET",
        value_delimiter = ',',
        value_parser = SecretParser::<GivenSecret>::new()
    )]
    secrets: Vec<GivenSecret>,
    /// Contract by which requests are signed
    #[arg(long, default_value = DEFAULT_CONTRACT, value_name = "NAME", value_parser = contract)]
    contract: Arc<Contract>,
    /// Seconds by which a request's timestamp may differ from now
    #[arg(
        long,
        default_value_t = 300,
        value_name = "SECONDS",
        value_parser = clap::value_parser!(u64).range(..=315_360_000)
    )]
    tolerance: u64,
}

/// A secret as it was typed. It is printed by nothing.
#[derive(Clone, Debug)]
struct GivenSecret(SecretString);

impl FromStr for GivenSecret {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(SecretString::from(text.trim())))
    }
}

/// A secret is not in the contract's form.
#[derive(Debug, thiserror::Error)]
#[error("secret {number} is none of the contract {contract}")]
pub(crate) struct SecretFormError {
    /// Which of the secrets, from 1.
    number: usize,
    contract: String,
    #[source]
    rule: SecretError,
}

/// The contract and the keys, ready to check requests.
#[derive(Clone, Debug)]
pub(crate) struct Verifier {
    pub(crate) contract: Arc<Contract>,
    pub(crate) keys: Vec<SigningKey>,
    pub(crate) tolerance: Duration,
}

/// What is to be said of a request's signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is right, under this key of so many, from 0.
    Verified { key: usize, of: usize },
    /// It breaks this rule.
    Broken(VerifyError),
    /// Nobody said with which secret.
    NoSecret,
    /// There is no body to check it with.
    Unread,
}

impl VerifierArgs {
    /// Takes the keys from the secrets.
    pub(crate) fn verifier(&self) -> Result<Verifier, SecretFormError> {
        let contract = Arc::clone(&self.contract);
        let key = |(place, secret): (usize, &GivenSecret)| {
            let name = contract.name().to_owned();
            contract.signing_key(&secret.0).map_err(|rule| SecretFormError {
                number: place + 1,
                contract: name,
                rule,
            })
        };
        // A variable that is empty is one that is not set.
        let given = self.secrets.iter().filter(|secret| !secret.0.expose_secret().is_empty());
        let keys = given.enumerate().map(key).collect::<Result<_, _>>()?;
        Ok(Verifier { contract, keys, tolerance: Duration::from_secs(self.tolerance) })
    }
}

impl Verifier {
    /// Judges a request as of now.
    pub(crate) fn judge(&self, request: &Received<'_>) -> Verdict {
        self.judge_at(request, clock::now().unix_timestamp())
    }

    /// Judges a request as of a time in Unix seconds.
    pub(crate) fn judge_at(&self, request: &Received<'_>, now: i64) -> Verdict {
        if self.keys.is_empty() {
            return Verdict::NoSecret;
        }
        match self.contract.verify(request, &self.keys, now, self.tolerance) {
            Ok(verified) => Verdict::Verified { key: verified.key, of: self.keys.len() },
            Err(rule) => Verdict::Broken(rule),
        }
    }
}

impl Verdict {
    /// Whether the signature is right.
    pub(crate) fn is_verified(&self) -> bool {
        matches!(self, Self::Verified { .. })
    }

    /// Why the request is not verified.
    pub(crate) fn reason(&self) -> Option<String> {
        match self {
            Self::Verified { .. } => None,
            Self::Broken(rule) => Some(rule.to_string()),
            Self::NoSecret => Some("no secret given".to_owned()),
            Self::Unread => Some("the body was not read".to_owned()),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Verified { of: 1, .. } => f.write_str("verified"),
            Self::Verified { key, of } => write!(f, "verified with secret {} of {of}", key + 1),
            Self::Broken(rule) => write!(f, "NOT VERIFIED: {rule}"),
            Self::NoSecret => f.write_str("not verified: no secret given"),
            Self::Unread => f.write_str("NOT VERIFIED: the body was not read"),
        }
    }
}

/// Parses a contract's name or file, for clap.
fn contract(name: &str) -> Result<Arc<Contract>, String> {
    if name.contains('/') || Path::new(name).extension() == Some(OsStr::new("toml")) {
        let text = fs::read_to_string(name).map_err(|error| error.to_string())?;
        return Contract::parse(name, &text).map(Arc::new).map_err(|errors| errors.to_string());
    }
    let contracts = Contracts::built_in();
    let known = || {
        format!(
            "there is no such contract built in; there are {}, or a file's name",
            contracts.names().join(", ")
        )
    };
    contracts.get(name).map(Arc::clone).ok_or_else(known)
}

//! The forms that a contract's secrets may have: what is generated, and what is accepted.
//!
//! What is signed with the key that a secret holds is in `signature`; the key itself in `key`.

mod read;
#[cfg(test)]
mod tests;

use crate::key::{self, Ed25519Secret};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use std::fmt;
use std::ops::RangeInclusive;
use zeroize::Zeroizing;

/// Random bytes that generating a secret may take.
pub const MAX_RANDOM_BYTES: usize = 64;

/// A secret is not in the contract's form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// It does not start as the contract's secrets do.
    #[error("must start with {0}")]
    Prefix(String),
    /// What follows the prefix is no base64.
    #[error("must be standard base64 after {0}")]
    Base64(String),
    /// The key has the wrong size.
    #[error("must hold {min} to {max} bytes")]
    Length {
        /// The fewest bytes.
        min: usize,
        /// The most bytes.
        max: usize,
    },
    /// It cannot be typed or kept in a configuration as it is.
    #[error("must have no control characters")]
    Control,
    /// The bytes are no Ed25519 key.
    #[error("must hold an Ed25519 key: 32 bytes, or 64 of which the last 32 are its public key")]
    Ed25519,
    /// The contract has only one secret.
    #[error("the contract has no second secret")]
    NoSecond,
}

/// How the random bytes of a secret are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Hex,
    Base64,
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hex => "lower-case hex",
            Self::Base64 => "base64",
        })
    }
}

impl Encoding {
    pub(crate) fn encode(self, bytes: &[u8]) -> String {
        match self {
            Self::Hex => hex::encode(bytes),
            Self::Base64 => STANDARD.encode(bytes),
        }
    }

    pub(crate) fn decode(self, text: &str) -> Option<Vec<u8>> {
        match self {
            // Receivers compare texts, and upper case is another one.
            Self::Hex if text.bytes().any(|byte| byte.is_ascii_uppercase()) => None,
            Self::Hex => hex::decode(text).ok(),
            Self::Base64 => STANDARD.decode(text).ok(),
        }
    }
}

/// What the key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeyForm {
    /// The secret's own UTF-8 bytes, prefix included.
    Text { encoding: Encoding, random_bytes: usize, bytes: RangeInclusive<usize> },
    /// What follows the prefix, decoded.
    Base64 { random_bytes: usize, bytes: RangeInclusive<usize> },
    /// An Ed25519 key pair after the prefix; the public key is told with a prefix of its own.
    Ed25519 { public_prefix: String },
}

/// One form of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SecretForm {
    pub(crate) prefix: String,
    pub(crate) key: KeyForm,
}

/// The forms that one of the contract's secrets may have; the first is what is generated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SecretRule(pub(crate) Vec<SecretForm>);

/// The key that a secret holds.
pub(crate) enum KeyBytes {
    Hmac(Zeroizing<Vec<u8>>),
    Ed25519(Box<Ed25519Secret>),
}

impl SecretRule {
    /// Writes random bytes in the form that is generated.
    pub(crate) fn generate(&self, random: &[u8; MAX_RANDOM_BYTES]) -> SecretString {
        let Some(SecretForm { prefix, key }) = self.0.first() else {
            return SecretString::from(String::new());
        };
        let encoded = match key {
            KeyForm::Text { encoding, random_bytes, .. } => {
                encoding.encode(&random[..*random_bytes])
            }
            KeyForm::Base64 { random_bytes, .. } => STANDARD.encode(&random[..*random_bytes]),
            KeyForm::Ed25519 { .. } => {
                let mut seed = Zeroizing::new([0; 32]);
                seed.copy_from_slice(&random[..32]);
                STANDARD.encode(key::ed25519_pair(&seed).as_slice())
            }
        };
        let encoded = Zeroizing::new(encoded);
        SecretString::from(format!("{prefix}{}", *encoded))
    }

    /// Takes the key from a secret.
    pub(crate) fn key(&self, secret: &SecretString) -> Result<KeyBytes, SecretError> {
        let secret = secret.expose_secret();
        let form = self.0.iter().find(|form| form.may_be(secret));
        let Some(SecretForm { prefix, key }) = form else {
            let prefixes: Vec<_> = self.0.iter().map(|form| form.prefix.as_str()).collect();
            return Err(SecretError::Prefix(prefixes.join(" or ")));
        };
        let encoded = secret.strip_prefix(prefix.as_str()).unwrap_or(secret);
        let decoded = || {
            let bytes = STANDARD.decode(encoded);
            bytes.map(Zeroizing::new).map_err(|_| SecretError::Base64(prefix.clone()))
        };
        match key {
            KeyForm::Text { .. } if secret.chars().any(char::is_control) => {
                Err(SecretError::Control)
            }
            KeyForm::Text { bytes, .. } => sized(Zeroizing::new(secret.as_bytes().to_vec()), bytes),
            KeyForm::Base64 { bytes, .. } => sized(decoded()?, bytes),
            KeyForm::Ed25519 { .. } => {
                let pair = key::ed25519_from(&decoded()?).ok_or(SecretError::Ed25519)?;
                Ok(KeyBytes::Ed25519(Box::new(pair)))
            }
        }
    }

    /// What the public keys of its Ed25519 form start with.
    pub(crate) fn public_prefix(&self) -> Option<&str> {
        self.0.iter().find_map(|form| match &form.key {
            KeyForm::Ed25519 { public_prefix } => Some(public_prefix.as_str()),
            _ => None,
        })
    }
}

impl SecretForm {
    fn may_be(&self, secret: &str) -> bool {
        matches!(self.key, KeyForm::Text { .. }) || secret.starts_with(&self.prefix)
    }
}

fn sized(key: Zeroizing<Vec<u8>>, bytes: &RangeInclusive<usize>) -> Result<KeyBytes, SecretError> {
    if bytes.contains(&key.len()) {
        return Ok(KeyBytes::Hmac(key));
    }
    Err(SecretError::Length { min: *bytes.start(), max: *bytes.end() })
}

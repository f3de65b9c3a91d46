//! Signing secrets in the form of Standard Webhooks, and the key that is taken from one.
//!
//! Source: <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>,
//! "Signature scheme": `whsec_` and 24 to 64 bytes in base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use std::fmt;
use zeroize::Zeroizing;

const PREFIX: &str = "whsec_";
const MIN_BYTES: usize = 24;
const MAX_BYTES: usize = 64;

/// A secret is not in the contract's form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// It does not start as the contract's secrets do.
    #[error("must start with {PREFIX}")]
    Prefix,
    /// What follows the prefix is no base64.
    #[error("must be standard base64 after {PREFIX}")]
    Base64,
    /// The key has the wrong size.
    #[error("must hold {MIN_BYTES} to {MAX_BYTES} bytes")]
    Length,
}

/// The key taken from a secret, ready to sign many requests.
#[derive(Clone)]
pub struct SigningKey(Hmac<Sha256>);

impl SigningKey {
    /// Takes the key from a secret: the base64-decoded part after `whsec_`.
    pub fn from_secret(secret: &SecretString) -> Result<Self, SecretError> {
        let encoded = secret.expose_secret().strip_prefix(PREFIX).ok_or(SecretError::Prefix)?;
        let key = Zeroizing::new(STANDARD.decode(encoded).map_err(|_| SecretError::Base64)?);
        if !(MIN_BYTES..=MAX_BYTES).contains(&key.len()) {
            return Err(SecretError::Length);
        }
        Hmac::new_from_slice(&key).map(Self).map_err(|_| SecretError::Length)
    }

    /// The HMAC-SHA-256 of the parts, one after the other.
    pub(crate) fn sign(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.mac(parts).finalize().into_bytes().into()
    }

    /// Whether this is the HMAC-SHA-256 of the parts; compares in constant time.
    pub(crate) fn is_mac_of(&self, parts: &[&[u8]], mac: &[u8; 32]) -> bool {
        self.mac(parts).verify_slice(mac).is_ok()
    }

    fn mac(&self, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(part);
        }
        mac
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey")
    }
}

/// Writes random bytes in the form of a secret.
pub(crate) fn from_random(bytes: &[u8; MIN_BYTES]) -> SecretString {
    SecretString::from(format!("{PREFIX}{}", STANDARD.encode(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(secret: &str) -> Result<SigningKey, SecretError> {
        SigningKey::from_secret(&SecretString::from(secret))
    }

    #[test]
    fn the_borders_of_a_secret() {
        for (bytes, fits) in [(23, false), (24, true), (64, true), (65, false)] {
            let secret = format!("{PREFIX}{}", STANDARD.encode(vec![1; bytes]));
            assert_eq!(key(&secret).is_ok(), fits, "{bytes} bytes");
        }
        assert_eq!(key("secret").unwrap_err(), SecretError::Prefix);
        assert_eq!(key("whsec_*").unwrap_err(), SecretError::Base64);
    }

    #[test]
    fn debug_shows_no_key() {
        let secret = from_random(&[65; MIN_BYTES]);
        assert_eq!(format!("{:?}", SigningKey::from_secret(&secret).unwrap()), "SigningKey");
    }
}

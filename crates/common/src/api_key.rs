//! API keys: 256 random bits behind a short public prefix; only a hash is kept.
//!
//! Looking a key up by its prefix and comparing hashes in constant time is all that
//! authentication does; which calls need which scope is the services' business.

use crate::id::ApiKeyId;
use crate::tenant::TenantId;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use time::OffsetDateTime;

/// What every key starts with, so that people and secret scanners recognise one.
const MARK: &str = "prk_";
/// Characters of the public part after the mark.
const PREFIX_CHARS: usize = 12;

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everything that a tenant may do: `*`.
    All,
    /// Publish events: `events:write`.
    EventsWrite,
    /// Read events, deliveries, attempts and endpoints: `read`.
    Read,
    /// Make, change and delete endpoints, and replay deliveries: `webhooks:write`.
    WebhooksWrite,
}

/// The text names no scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one of *, events:write, read, webhooks:write")]
pub struct ScopeError;

impl Scope {
    /// The scope's name, as the API shows it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "*",
            Self::EventsWrite => "events:write",
            Self::Read => "read",
            Self::WebhooksWrite => "webhooks:write",
        }
    }

    /// Parses a scope's name.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        [Self::All, Self::EventsWrite, Self::Read, Self::WebhooksWrite]
            .into_iter()
            .find(|scope| scope.as_str() == text)
            .ok_or(ScopeError)
    }
}

/// An API key as stored, without what would let anybody use it.
#[derive(Clone, Debug)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// The tenant that it acts for.
    pub tenant: TenantId,
    /// The name that people know it by.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// Its public part, by which it is looked up.
    pub prefix: String,
    /// When it was made, on the database's clock.
    pub created_at: OffsetDateTime,
    /// When it was revoked, if it was.
    pub revoked_at: Option<OffsetDateTime>,
}

impl ApiKey {
    /// Whether the key may be used for what `needed` names.
    pub fn allows(&self, needed: Scope) -> bool {
        self.revoked_at.is_none()
            && self.scopes.iter().any(|scope| matches!(scope, Scope::All) || *scope == needed)
    }
}

/// The SHA-256 of a key. Random keys of 256 bits need no slow hash.
///
/// It has no `PartialEq`: the only comparison takes the same time whatever it finds.
#[derive(Clone, Debug)]
pub struct ApiKeyHash([u8; 32]);

impl ApiKeyHash {
    /// Hashes a presented key.
    pub fn of(key: &SecretString) -> Self {
        Self(Sha256::digest(key.expose_secret().as_bytes()).into())
    }

    /// The hash that the store kept.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes to keep.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether both are hashes of one key, in constant time.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

/// A key that was just generated: shown once, then only its hash remains.
#[derive(Debug)]
pub struct GeneratedKey {
    /// The key to hand out.
    pub key: SecretString,
    /// Its public part.
    pub prefix: String,
    /// What to store of it.
    pub hash: ApiKeyHash,
}

impl GeneratedKey {
    /// Draws a new key: `prk_`, 12 public characters, `_`, and 256 random bits in base64url.
    pub fn generate() -> Self {
        let public: [u8; 9] = rand::random();
        let secret: [u8; 32] = rand::random();
        let prefix = format!("{MARK}{}", URL_SAFE_NO_PAD.encode(public));
        let key = SecretString::from(format!("{prefix}_{}", URL_SAFE_NO_PAD.encode(secret)));
        let hash = ApiKeyHash::of(&key);
        Self { key, prefix, hash }
    }
}

/// The public part of a presented key; `None` when the text has not the form of a key.
pub fn prefix_of(key: &SecretString) -> Option<&str> {
    let key = key.expose_secret();
    let end = MARK.len() + PREFIX_CHARS;
    let shaped = key.starts_with(MARK) && key.is_char_boundary(end) && key[end..].starts_with('_');
    shaped.then(|| &key[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_key_is_found_by_its_prefix_and_matches_its_hash() {
        let one = GeneratedKey::generate();
        let other = GeneratedKey::generate();
        assert_eq!(prefix_of(&one.key), Some(one.prefix.as_str()));
        assert!(ApiKeyHash::of(&one.key).matches(&one.hash));
        assert!(!ApiKeyHash::of(&one.key).matches(&other.hash));
    }

    #[test]
    fn what_has_not_the_form_of_a_key_has_no_prefix() {
        for text in ["", "prk_", "prk_short_x", "sk_123456789012_x", "prk_ääääääääääää_x"]
        {
            assert_eq!(prefix_of(&SecretString::from(text)), None, "{text}");
        }
    }

    #[test]
    fn debug_shows_no_key() {
        let generated = GeneratedKey::generate();
        let shown = format!("{generated:?}");
        assert!(!shown.contains(generated.key.expose_secret()));
    }
}

//! The key in a call's head: `authorization: Bearer <key>` or else `x-api-key`.

use crate::refusal::Refusal;
use postrider_common::api_key::ApiKeyHash;
use secrecy::SecretString;
use tonic::codegen::http::HeaderMap;

/// A key as a caller presented it. `Debug` does not show it.
#[derive(Debug)]
pub(crate) struct Presented {
    key: SecretString,
    hash: ApiKeyHash,
}

impl Presented {
    /// Takes the key from a call's head.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Result<Self, Refusal> {
        let key = match headers.get("authorization") {
            Some(value) => value.to_str().ok().and_then(bearer),
            None => headers.get("x-api-key").and_then(|value| value.to_str().ok()),
        };
        let key = key.filter(|key| !key.is_empty()).ok_or(Refusal::KeyMissing)?;
        let key = SecretString::from(key);
        let hash = ApiKeyHash::of(&key);
        Ok(Self { key, hash })
    }

    pub(super) fn key(&self) -> &SecretString {
        &self.key
    }

    pub(super) fn hash(&self) -> &ApiKeyHash {
        &self.hash
    }
}

/// The token after `Bearer`, whose letters may be of either case (RFC 9110, section 11.1).
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

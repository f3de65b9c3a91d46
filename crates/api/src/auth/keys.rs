//! Finding the API key that a caller presents: in a cache of a few seconds, or in the store.

use axum::http::{HeaderMap, header};
use moka::future::Cache;
use postrider_common::api_key::{ApiKey, ApiKeyHash, prefix_of};
use postrider_store::{Store, StoreError};
use secrecy::SecretString;
use std::sync::Arc;
use std::time::Duration;

/// How long another process may go on accepting a key that was revoked here.
const FOUND_FOR: Duration = Duration::from_secs(5);
/// Keys that are remembered.
const MAX_KEYS: u64 = 10_000;

/// The key that a request presents: `Authorization: Bearer`, else `X-API-Key`.
pub(super) fn presented(headers: &HeaderMap) -> Option<SecretString> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| bearer(value.to_str().ok()?));
    let key = bearer.or_else(|| headers.get("x-api-key")?.to_str().ok().map(str::trim))?;
    Some(SecretString::from(key))
}

/// The scheme's name is case-insensitive (RFC 9110, section 11.1).
fn bearer(value: &str) -> Option<&str> {
    let (scheme, key) = value.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

/// Keys that were found lately, by their hash. Only valid keys are in it: wrong ones ask the store
/// each time, and cannot push others out.
pub(crate) struct KeyCache(Cache<[u8; 32], Arc<ApiKey>>);

impl KeyCache {
    pub(crate) fn new() -> Self {
        Self(Cache::builder().max_capacity(MAX_KEYS).time_to_live(FOUND_FOR).build())
    }

    /// The presented key's row; `None` when there is no such key or it is revoked.
    pub(crate) async fn find(
        &self,
        store: &dyn Store,
        presented: &SecretString,
    ) -> Result<Option<Arc<ApiKey>>, StoreError> {
        let hash = ApiKeyHash::of(presented);
        if let Some(key) = self.0.get(hash.as_bytes()).await {
            return Ok(Some(key));
        }
        let Some(prefix) = prefix_of(presented) else {
            return Ok(None);
        };
        let Some(stored) = store.api_key_find(prefix).await? else {
            return Ok(None);
        };
        if !stored.hash.matches(&hash) || stored.key.revoked_at.is_some() {
            return Ok(None);
        }
        let key = Arc::new(stored.key);
        self.0.insert(*hash.as_bytes(), Arc::clone(&key)).await;
        Ok(Some(key))
    }

    /// Forgets every key, so that a revoked one is refused at once by this process.
    pub(crate) fn forget(&self) {
        self.0.invalidate_all();
    }
}

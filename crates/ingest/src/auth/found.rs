//! What looking up a key found, and for how long that is taken for true.

use moka::Expiry;
use postrider_common::tenant::TenantId;
use std::time::{Duration, Instant};

/// How long a key that was found works without being looked up again.
const FOUND: Duration = Duration::from_secs(5);
/// How long a key that was not found is refused without being looked up again.
const NOT_FOUND: Duration = Duration::from_secs(1);

/// What looking up a key found.
#[derive(Clone, Debug)]
pub(super) enum Found {
    /// It is the admin key.
    Admin,
    /// It is a tenant's.
    Tenant {
        /// The tenant.
        tenant: TenantId,
        /// Whether it may publish events.
        may_publish: bool,
    },
    /// It is no key, or no longer.
    Nobody,
}

/// The lifetimes in the cache. Reading does not prolong them.
#[derive(Debug)]
pub(super) struct Lifetimes;

impl Expiry<[u8; 32], Found> for Lifetimes {
    fn expire_after_create(&self, _: &[u8; 32], found: &Found, _: Instant) -> Option<Duration> {
        match found {
            Found::Nobody => Some(NOT_FOUND),
            Found::Admin | Found::Tenant { .. } => Some(FOUND),
        }
    }

    fn expire_after_update(
        &self,
        key: &[u8; 32],
        found: &Found,
        updated_at: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        self.expire_after_create(key, found, updated_at)
    }
}

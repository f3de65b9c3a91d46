//! A tenant: a customer of the product, who owns endpoints and API keys and has one contract.

use crate::keeping::Keeping;
use serde::{Deserialize, Serialize};
use std::fmt;
use time::OffsetDateTime;

/// The longest tenant id, in characters.
pub const MAX_TENANT_ID_LEN: usize = 64;

/// A tenant's id: 1 to 64 characters of `[A-Za-z0-9_-]`, chosen by the operator.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TenantId(String);

/// The text is no tenant id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 64 characters of A-Z, a-z, 0-9, '_' and '-'")]
pub struct TenantIdError;

impl TenantId {
    /// Parses a tenant id.
    pub fn parse(text: impl Into<String>) -> Result<Self, TenantIdError> {
        let text = text.into();
        let known = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if text.is_empty() || text.len() > MAX_TENANT_ID_LEN || !text.chars().all(known) {
            return Err(TenantIdError);
        }
        Ok(Self(text))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for TenantId {
    type Error = TenantIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(text)
    }
}

impl From<TenantId> for String {
    fn from(id: TenantId) -> Self {
        id.0
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A proof that the caller may act for this tenant.
///
/// Every store function that reads or changes a tenant's objects takes one, so that a handler that
/// forgot to authenticate does not compile. Only code that has checked a key makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantScope(TenantId);

impl TenantScope {
    /// States that the caller's credentials were checked and cover `tenant`.
    pub fn authorised(tenant: TenantId) -> Self {
        Self(tenant)
    }

    /// The tenant that the caller may act for.
    pub fn tenant(&self) -> &TenantId {
        &self.0
    }
}

/// A tenant as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// The name that people know it by.
    pub name: String,
    /// The contract that its endpoints' receivers rely on.
    pub contract: String,
    /// For how long its things are kept.
    pub keeping: Keeping,
    /// When it was made, on the database's clock.
    pub created_at: OffsetDateTime,
}

/// What it takes to make a tenant.
#[derive(Clone, Debug)]
pub struct NewTenant {
    /// Its id.
    pub id: TenantId,
    /// The name that people know it by.
    pub name: String,
    /// The name of a contract that exists.
    pub contract: String,
    /// For how long its things are kept.
    pub keeping: Keeping,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_short_plain_text() {
        for good in ["a", "acme", "Acme_2-b", &"x".repeat(64)] {
            assert_eq!(TenantId::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "a b", "a.b", "ä", "a/b", &"x".repeat(65)] {
            assert_eq!(TenantId::parse(bad), Err(TenantIdError), "{bad}");
        }
    }
}

//! The keys that an endpoint's requests are signed with: which of its secrets sign depends on the time.

use postrider_common::endpoint::Endpoint;
use postrider_common::seal::{Keyring, OpenError, Owner, Sealed};
use postrider_common::service::chain;
use postrider_contract::{Contract, SecretError, SigningKey};
use secrecy::SecretString;
use std::fmt;
use time::OffsetDateTime;

/// The keys of one endpoint.
pub(crate) struct Keys {
    /// The newest secret's, and that of the second secret, if there is one.
    settled: Vec<SigningKey>,
    /// What signs in their place while a rotation lasts.
    rotation: Option<Rotation>,
}

struct Rotation {
    until: OffsetDateTime,
    keys: Vec<SigningKey>,
}

/// There is nothing to sign with.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum KeysError {
    #[error("its secret cannot be opened")]
    Sealed(#[from] OpenError),
    #[error("its secret is not in the contract's form")]
    Secret(#[from] SecretError),
}

impl Keys {
    /// Opens an endpoint's secrets.
    ///
    /// While a rotation lasts, both secrets sign where the contract's headers hold several signatures, the
    /// newest first; elsewhere the old one signs until the overlap ends.
    pub(crate) fn of(
        endpoint: &Endpoint,
        contract: &Contract,
        keyring: &Keyring,
    ) -> Result<Self, KeysError> {
        let owner = Owner { tenant: &endpoint.tenant, endpoint: endpoint.id };
        let open = |sealed: &Sealed| keyring.open(sealed, owner);
        let key = |secret: &SecretString| contract.signing_key(secret);
        let newest = key(&open(&endpoint.secret)?)?;
        let second = match &endpoint.second_secret {
            Some(sealed) => second_key(contract, &open(sealed)?)?,
            None => None,
        };
        let rotation = endpoint.previous_secret.as_ref().and_then(|previous| {
            let opened = open(&previous.secret).map_err(KeysError::from);
            let old = opened.and_then(|secret| Ok(key(&secret)?)).inspect_err(|error| {
                let (id, error) = (&endpoint.public_id, chain(error));
                tracing::warn!(endpoint = id, error, "its old secret does not sign");
            });
            let old = old.ok()?;
            let newest = contract.signs_with_every_secret().then(|| newest.clone());
            let keys = newest.into_iter().chain([old]).chain(second.clone()).collect();
            Some(Rotation { until: previous.until, keys })
        });
        Ok(Self { settled: [newest].into_iter().chain(second).collect(), rotation })
    }

    /// The keys that sign at a time, on the database's clock.
    pub(crate) fn at(&self, now: OffsetDateTime) -> &[SigningKey] {
        match &self.rotation {
            Some(Rotation { until, keys }) if now < *until => keys,
            _ => &self.settled,
        }
    }
}

/// The key of a second secret, unless the contract has none any more.
fn second_key(
    contract: &Contract,
    secret: &SecretString,
) -> Result<Option<SigningKey>, SecretError> {
    match contract.second_signing_key(secret) {
        Ok(key) => Ok(Some(key)),
        Err(SecretError::NoSecond) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Shows no key.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let until = self.rotation.as_ref().map(|rotation| rotation.until);
        f.debug_struct("Keys").field("rotates_until", &until).finish_non_exhaustive()
    }
}

//! An endpoint's secrets: read from a request, generated in the contract's form, and shown, with the
//! public keys of those that have one.

use crate::app::App;
use crate::error::ApiError;
use crate::fields::{Fields, read};
use crate::json::Ordered;
use crate::moment::Moment;
use postrider_common::endpoint::{Endpoint, PreviousSecret};
use postrider_common::seal::{Owner, Sealed};
use postrider_contract::Contract;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

/// Reads `secret`, in the contract's form.
pub(super) fn read_first(fields: &mut Fields, contract: &Contract) -> Option<SecretString> {
    fields.optional("secret", read::secret(|secret| contract.signing_key(secret)))
}

/// Reads `second_secret`, of a contract that has one.
pub(super) fn read_second(fields: &mut Fields, contract: &Contract) -> Option<SecretString> {
    fields.optional("second_secret", read::secret(|secret| contract.second_signing_key(secret)))
}

/// A new secret in the contract's form.
pub(super) fn generate_first(contract: &Contract) -> SecretString {
    contract.secret_from_random(&rand::random())
}

/// A new second secret, if the contract has one.
pub(super) fn generate_second(contract: &Contract) -> Option<SecretString> {
    contract.second_secret_from_random(&rand::random())
}

/// Who a stored secret belongs to.
pub(super) fn owner(endpoint: &Endpoint) -> Owner<'_> {
    Owner { tenant: &endpoint.tenant, endpoint: endpoint.id }
}

/// Opens one of an endpoint's secrets.
pub(super) fn open(
    app: &App,
    endpoint: &Endpoint,
    sealed: &Sealed,
) -> Result<SecretString, ApiError> {
    Ok(app.keyring.open(sealed, owner(endpoint))?)
}

/// Secrets, as answered by the calls that answer them. It has no `Debug`.
#[derive(Serialize)]
pub(super) struct SecretsView {
    pub(super) secret: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    public_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_secret: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_until: Option<Moment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    second_secret: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    second_public_key: Option<String>,
}

impl SecretsView {
    /// Those of a new endpoint.
    pub(super) fn of(
        contract: &Contract,
        first: &SecretString,
        second: Option<&SecretString>,
    ) -> Self {
        let key = contract.signing_key(first).ok();
        let second_key = second.and_then(|second| contract.second_signing_key(second).ok());
        Self {
            secret: first.expose_secret().to_owned(),
            public_key: key.and_then(|key| contract.public_key(&key)),
            previous_secret: None,
            previous_until: None,
            second_secret: second.map(|second| second.expose_secret().to_owned()),
            second_public_key: second_key.and_then(|key| contract.public_key(&key)),
        }
    }

    /// Those of a stored endpoint.
    pub(super) fn stored(app: &App, endpoint: &Endpoint) -> Result<Self, ApiError> {
        let contract = app.contract(&endpoint.contract)?;
        let first = open(app, endpoint, &endpoint.secret)?;
        let second = endpoint.second_secret.as_ref().map(|second| open(app, endpoint, second));
        // One that is left from another contract signs nothing.
        let second = second.transpose()?.filter(|key| contract.second_signing_key(key).is_ok());
        let mut view = Self::of(&contract, &first, second.as_ref());
        if let Some(PreviousSecret { secret, until }) = &endpoint.previous_secret {
            view.previous_secret = Some(open(app, endpoint, secret)?.expose_secret().to_owned());
            view.previous_until = Some(Moment(*until));
        }
        Ok(view)
    }

    /// Adds what a new endpoint has beside its secret.
    pub(super) fn add_further(self, answer: &mut Ordered) {
        let further = [
            ("public_key", self.public_key),
            ("second_secret", self.second_secret),
            ("second_public_key", self.second_public_key),
        ];
        for (name, value) in further.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            answer.add(name, value);
        }
    }
}

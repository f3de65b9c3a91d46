//! Secrets in the contract's forms, and the keys that are taken from them.

use super::Contract;
use crate::key::{self, Mac, Material, SigningKey, Slot, Verifying, VerifyingKey};
use crate::secret::{KeyBytes, MAX_RANDOM_BYTES, SecretError};
use crate::signature::Algorithm;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};

impl Contract {
    /// Writes random bytes in the form in which the contract's secrets are generated. It takes as
    /// many of them as that form needs.
    ///
    /// ```
    /// let contracts = postrider_contract::Contracts::built_in();
    /// let contract = contracts.default_contract();
    /// let secret = contract.secret_from_random(&[7; 64]);
    /// assert!(contract.signing_key(&secret).is_ok());
    /// ```
    pub fn secret_from_random(&self, random: &[u8; MAX_RANDOM_BYTES]) -> SecretString {
        self.secret.generate(random)
    }

    /// The same for the second secret, if the contract has one: for a second signature, which
    /// receivers can move to while they still verify the first.
    pub fn second_secret_from_random(
        &self,
        random: &[u8; MAX_RANDOM_BYTES],
    ) -> Option<SecretString> {
        self.second_secret.as_ref().map(|rule| rule.generate(random))
    }

    /// Takes the signing key from a secret, or says why it is none.
    pub fn signing_key(&self, secret: &SecretString) -> Result<SigningKey, SecretError> {
        Ok(self.ready(Slot::First, self.secret.key(secret)?))
    }

    /// Takes the signing key from a second secret, or says why it is none.
    pub fn second_signing_key(&self, secret: &SecretString) -> Result<SigningKey, SecretError> {
        let rule = self.second_secret.as_ref().ok_or(SecretError::NoSecond)?;
        Ok(self.ready(Slot::Second, rule.key(secret)?))
    }

    /// Takes what a receiver verifies with: from a secret, or from the public key of an Ed25519 one.
    pub fn verifying_key(&self, text: &SecretString) -> Result<VerifyingKey, SecretError> {
        let prefix = self.secret.public_prefix();
        match prefix.and_then(|prefix| text.expose_secret().strip_prefix(prefix)) {
            None => Ok(VerifyingKey(Verifying::Secret(self.signing_key(text)?))),
            Some(encoded) => {
                let bytes = STANDARD.decode(encoded).map_err(|_| SecretError::Ed25519)?;
                let key = key::ed25519_public(&bytes).ok_or(SecretError::Ed25519)?;
                Ok(VerifyingKey(Verifying::Public { slot: Slot::First, key }))
            }
        }
    }

    /// The public key that receivers verify with, for a key of an Ed25519 secret.
    pub fn public_key(&self, key: &SigningKey) -> Option<String> {
        let rule = match key.slot {
            Slot::First => Some(&self.secret),
            Slot::Second => self.second_secret.as_ref(),
        };
        let prefix = rule?.public_prefix()?;
        Some(format!("{prefix}{}", STANDARD.encode(key.public_bytes()?)))
    }

    /// Whether requests are signed with every valid secret while one is being rotated. If not, only
    /// the first of the keys signs, which the caller makes the one in force.
    pub fn signs_with_every_secret(&self) -> bool {
        let mut first = self
            .signatures
            .iter()
            .filter(|header| header.entries.iter().any(|entry| entry.slot == Slot::First));
        first.all(|header| header.separator.is_some())
    }

    fn ready(&self, slot: Slot, bytes: KeyBytes) -> SigningKey {
        let material = match bytes {
            KeyBytes::Ed25519(pair) => Material::Ed25519(pair),
            KeyBytes::Hmac(key) => {
                let macs = self.algorithms(slot).filter_map(|algorithm| Mac::new(algorithm, &key));
                Material::Hmac(macs.collect())
            }
        };
        SigningKey { slot, material }
    }

    fn algorithms(&self, slot: Slot) -> impl Iterator<Item = Algorithm> {
        let entries = self.signatures.iter().flat_map(|header| &header.entries);
        entries.filter(move |entry| entry.slot == slot).map(|entry| entry.algorithm)
    }
}

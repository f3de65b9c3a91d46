//! Keys, ready to sign many requests, and what one signature's bytes are.

use crate::signature::Algorithm;
use ed25519_dalek::Signer as _;
use hmac::{Hmac, KeyInit as _};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use std::fmt;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// An Ed25519 key pair.
pub(crate) type Ed25519Secret = ed25519_dalek::SigningKey;

/// Which of a contract's secrets a key is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// The one that every contract has.
    First,
    /// The one of a second signature.
    Second,
}

/// The key taken from a secret, ready to sign many requests. It is printed by nothing.
#[derive(Clone)]
pub struct SigningKey {
    pub(crate) slot: Slot,
    pub(crate) material: Material,
}

/// What is computed with.
#[derive(Clone)]
pub(crate) enum Material {
    /// One for each algorithm that the contract signs with.
    Hmac(Vec<Mac>),
    Ed25519(Box<Ed25519Secret>),
}

/// What signatures are checked with: a secret's key, or the public half of an Ed25519 one.
#[derive(Clone, Debug)]
pub struct VerifyingKey(pub(crate) Verifying);

#[derive(Clone, Debug)]
pub(crate) enum Verifying {
    Secret(SigningKey),
    Public { slot: Slot, key: ed25519_dalek::VerifyingKey },
}

/// Signatures can be checked with it: [`SigningKey`] and [`VerifyingKey`].
pub trait Verify: sealed::Verify {}

impl<K: sealed::Verify> Verify for K {}

pub(crate) mod sealed {
    //! What only this crate's keys can do.

    use super::{Algorithm, Slot};

    /// Checks signatures.
    pub trait Verify {
        /// Whether the key could make a signature of this algorithm with this secret.
        fn fits(&self, slot: Slot, algorithm: Algorithm) -> bool;

        /// Whether these bytes are the signature of a content, which is given piece by piece;
        /// compares in constant time.
        fn is_signature<'a>(
            &self,
            algorithm: Algorithm,
            signature: &[u8],
            feed: impl FnOnce(&mut dyn FnMut(&'a [u8])),
        ) -> bool;
    }
}

/// HMAC with its key (RFC 2104).
#[derive(Clone)]
pub(crate) enum Mac {
    Sha1(Hmac<Sha1>),
    Sha256(Hmac<Sha256>),
    Sha512(Hmac<Sha512>),
}

impl SigningKey {
    /// The signature of a content that is given piece by piece; `None` if the key is not for the
    /// algorithm.
    pub(crate) fn sign<'a>(
        &self,
        algorithm: Algorithm,
        feed: impl FnOnce(&mut dyn FnMut(&'a [u8])),
    ) -> Option<Vec<u8>> {
        match (&self.material, algorithm) {
            (Material::Hmac(macs), _) => {
                let mac = macs.iter().find(|mac| mac.algorithm() == algorithm)?;
                Some(mac.clone().compute(feed))
            }
            (Material::Ed25519(pair), Algorithm::Ed25519) => {
                Some(pair.sign(&gathered(feed)).to_bytes().to_vec())
            }
            _ => None,
        }
    }

    /// The Ed25519 public key's bytes.
    pub(crate) fn public_bytes(&self) -> Option<[u8; 32]> {
        match &self.material {
            Material::Hmac(_) => None,
            Material::Ed25519(pair) => Some(pair.verifying_key().to_bytes()),
        }
    }
}

impl sealed::Verify for SigningKey {
    fn fits(&self, slot: Slot, algorithm: Algorithm) -> bool {
        let is_pair = matches!(self.material, Material::Ed25519(_));
        self.slot == slot && is_pair == (algorithm == Algorithm::Ed25519)
    }

    fn is_signature<'a>(
        &self,
        algorithm: Algorithm,
        signature: &[u8],
        feed: impl FnOnce(&mut dyn FnMut(&'a [u8])),
    ) -> bool {
        match (&self.material, algorithm) {
            (Material::Ed25519(pair), Algorithm::Ed25519) => {
                is_ed25519(&pair.verifying_key(), signature, &gathered(feed))
            }
            _ => self
                .sign(algorithm, feed)
                .is_some_and(|expected| expected.as_slice().ct_eq(signature).into()),
        }
    }
}

impl sealed::Verify for VerifyingKey {
    fn fits(&self, slot: Slot, algorithm: Algorithm) -> bool {
        match &self.0 {
            Verifying::Secret(key) => key.fits(slot, algorithm),
            Verifying::Public { slot: own, .. } => *own == slot && algorithm == Algorithm::Ed25519,
        }
    }

    fn is_signature<'a>(
        &self,
        algorithm: Algorithm,
        signature: &[u8],
        feed: impl FnOnce(&mut dyn FnMut(&'a [u8])),
    ) -> bool {
        match &self.0 {
            Verifying::Secret(key) => key.is_signature(algorithm, signature, feed),
            Verifying::Public { key, .. } => {
                algorithm == Algorithm::Ed25519 && is_ed25519(key, signature, &gathered(feed))
            }
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey")
    }
}

impl Mac {
    /// HMAC of this algorithm; `None` if it is none.
    pub(crate) fn new(algorithm: Algorithm, key: &[u8]) -> Option<Self> {
        match algorithm {
            Algorithm::HmacSha1 => Hmac::new_from_slice(key).map(Self::Sha1).ok(),
            Algorithm::HmacSha256 => Hmac::new_from_slice(key).map(Self::Sha256).ok(),
            Algorithm::HmacSha512 => Hmac::new_from_slice(key).map(Self::Sha512).ok(),
            Algorithm::Ed25519 => None,
        }
    }

    fn algorithm(&self) -> Algorithm {
        match self {
            Self::Sha1(_) => Algorithm::HmacSha1,
            Self::Sha256(_) => Algorithm::HmacSha256,
            Self::Sha512(_) => Algorithm::HmacSha512,
        }
    }

    fn compute<'a>(self, feed: impl FnOnce(&mut dyn FnMut(&'a [u8]))) -> Vec<u8> {
        fn of<'a, M: hmac::Mac>(
            mut mac: M,
            feed: impl FnOnce(&mut dyn FnMut(&'a [u8])),
        ) -> Vec<u8> {
            feed(&mut |piece| mac.update(piece));
            mac.finalize().into_bytes().to_vec()
        }
        match self {
            Self::Sha1(mac) => of(mac, feed),
            Self::Sha256(mac) => of(mac, feed),
            Self::Sha512(mac) => of(mac, feed),
        }
    }
}

/// Seed and public key, as Standard Webhooks writes a pair.
pub(crate) fn ed25519_pair(seed: &[u8; 32]) -> Zeroizing<[u8; 64]> {
    Zeroizing::new(Ed25519Secret::from_bytes(seed).to_keypair_bytes())
}

/// A pair from its seed, or from both halves if they belong together.
pub(crate) fn ed25519_from(bytes: &[u8]) -> Option<Ed25519Secret> {
    if let Ok(seed) = <&[u8; 32]>::try_from(bytes) {
        return Some(Ed25519Secret::from_bytes(seed));
    }
    Ed25519Secret::from_keypair_bytes(bytes.try_into().ok()?).ok()
}

/// A public key from its bytes, unless it is one under which anything verifies.
pub(crate) fn ed25519_public(bytes: &[u8]) -> Option<ed25519_dalek::VerifyingKey> {
    let key = ed25519_dalek::VerifyingKey::from_bytes(bytes.try_into().ok()?).ok()?;
    (!key.is_weak()).then_some(key)
}

fn is_ed25519(key: &ed25519_dalek::VerifyingKey, signature: &[u8], content: &[u8]) -> bool {
    let signature = ed25519_dalek::Signature::from_slice(signature);
    signature.is_ok_and(|signature| key.verify_strict(content, &signature).is_ok())
}

fn gathered<'a>(feed: impl FnOnce(&mut dyn FnMut(&'a [u8]))) -> Vec<u8> {
    let mut content = Vec::new();
    feed(&mut |piece| content.extend_from_slice(piece));
    content
}

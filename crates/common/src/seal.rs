//! Secrets at rest: sealed with a master key, bound to the row that they belong to.
//!
//! `XChaCha20-Poly1305` with a random 192-bit nonce. The owner (tenant and endpoint) is authenticated
//! with it, so that a sealed secret copied to another row does not open. The first master key
//! seals; all of them open, so that keys can be rotated.

use crate::id::EndpointId;
use crate::tenant::TenantId;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use zeroize::Zeroizing;

const FORMAT: u8 = 1;
const KEY_ID_LEN: usize = 4;
const NONCE_LEN: usize = 24;
const HEAD_LEN: usize = 1 + KEY_ID_LEN + NONCE_LEN;

/// A sealed secret as stored: format, key id, nonce, cipher text with tag.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// What the store kept.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// What to keep.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

/// The row that a secret belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Owner<'a> {
    /// The endpoint's tenant.
    pub tenant: &'a TenantId,
    /// The endpoint.
    pub endpoint: EndpointId,
}

impl Owner<'_> {
    fn associated_data(&self) -> Vec<u8> {
        // A tenant id has no zero byte, so no two owners give the same data.
        let mut data = self.tenant.as_str().as_bytes().to_vec();
        data.push(0);
        data.extend_from_slice(self.endpoint.as_uuid().as_bytes());
        data
    }
}

/// The text of `POSTRIDER_MASTER_KEY` is not usable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MasterKeyError {
    /// There is no key in it.
    #[error("must hold at least one key")]
    Missing,
    /// One of the keys is not 32 bytes in base64.
    #[error("key {0} is not 32 bytes in base64 (make one with: openssl rand -base64 32)")]
    BadKey(usize),
}

/// A sealed secret does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// None of the master keys is the one that it was sealed with.
    #[error("sealed with a master key that is not configured")]
    UnknownKey,
    /// It was changed, cut short, or belongs to another row.
    #[error("the sealed secret was damaged or belongs to another endpoint")]
    Damaged,
}

struct MasterKey {
    id: [u8; KEY_ID_LEN],
    cipher: XChaCha20Poly1305,
}

/// The master keys. Parses `POSTRIDER_MASTER_KEY`: 32 bytes in base64; several, separated by
/// commas, for rotation.
#[derive(Clone)]
pub struct Keyring(Arc<[MasterKey]>);

impl FromStr for Keyring {
    type Err = MasterKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let texts = text.split(',').map(str::trim).filter(|text| !text.is_empty());
        let keys: Vec<_> = (1..)
            .zip(texts)
            .map(|(number, text)| parse_key(text).ok_or(MasterKeyError::BadKey(number)))
            .collect::<Result<_, _>>()?;
        if keys.is_empty() {
            return Err(MasterKeyError::Missing);
        }
        Ok(Self(keys.into()))
    }
}

fn parse_key(text: &str) -> Option<MasterKey> {
    let bytes = Zeroizing::new(STANDARD.decode(text).ok()?);
    let key: &Key = bytes.as_slice().try_into().ok()?;
    let digest = Sha256::digest(bytes.as_slice());
    let id = digest.first_chunk::<KEY_ID_LEN>().copied()?;
    Some(MasterKey { id, cipher: XChaCha20Poly1305::new(key) })
}

impl Keyring {
    /// Seals a secret for its owner with the first key.
    ///
    /// # Errors
    ///
    /// Only a secret of more than 256 GiB cannot be sealed; it is answered as damaged.
    pub fn seal(&self, secret: &SecretString, owner: Owner<'_>) -> Result<Sealed, OpenError> {
        let key = self.0.first().ok_or(OpenError::UnknownKey)?;
        let nonce: [u8; NONCE_LEN] = rand::random();
        let aad = owner.associated_data();
        let payload = Payload { msg: secret.expose_secret().as_bytes(), aad: &aad };
        let sealed =
            key.cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| OpenError::Damaged)?;
        let mut bytes = Vec::with_capacity(HEAD_LEN + sealed.len());
        bytes.push(FORMAT);
        bytes.extend_from_slice(&key.id);
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(&sealed);
        Ok(Sealed(bytes))
    }

    /// Opens a sealed secret for its owner.
    pub fn open(&self, sealed: &Sealed, owner: Owner<'_>) -> Result<SecretString, OpenError> {
        let (head, text) = sealed.0.split_at_checked(HEAD_LEN).ok_or(OpenError::Damaged)?;
        let [format, rest @ ..] = head else {
            return Err(OpenError::Damaged);
        };
        let (id, nonce) = rest.split_at(KEY_ID_LEN);
        let nonce: [u8; NONCE_LEN] = nonce.try_into().map_err(|_| OpenError::Damaged)?;
        if *format != FORMAT {
            return Err(OpenError::Damaged);
        }
        let key = self.0.iter().find(|key| key.id == id).ok_or(OpenError::UnknownKey)?;
        let aad = owner.associated_data();
        let payload = Payload { msg: text, aad: &aad };
        let opened =
            key.cipher.decrypt(&XNonce::from(nonce), payload).map_err(|_| OpenError::Damaged)?;
        String::from_utf8(opened).map(SecretString::from).map_err(|_| OpenError::Damaged)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring({} keys)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyring(seeds: &[u8]) -> Keyring {
        let keys: Vec<_> = seeds.iter().map(|seed| STANDARD.encode([*seed; 32])).collect();
        keys.join(",").parse().unwrap()
    }

    #[test]
    fn a_secret_opens_for_its_owner_alone() {
        let (tenant, other) = (TenantId::parse("a").unwrap(), TenantId::parse("b").unwrap());
        let endpoint = EndpointId::generate();
        let owner = Owner { tenant: &tenant, endpoint };
        let sealed = keyring(&[1]).seal(&SecretString::from("hush"), owner).unwrap();
        assert_eq!(keyring(&[1]).open(&sealed, owner).unwrap().expose_secret(), "hush");
        for wrong in [
            Owner { tenant: &other, endpoint },
            Owner { tenant: &tenant, endpoint: EndpointId::generate() },
        ] {
            assert_eq!(keyring(&[1]).open(&sealed, wrong).unwrap_err(), OpenError::Damaged);
        }
    }

    #[test]
    fn keys_can_be_rotated() {
        let tenant = TenantId::parse("a").unwrap();
        let owner = Owner { tenant: &tenant, endpoint: EndpointId::generate() };
        let sealed = keyring(&[1]).seal(&SecretString::from("hush"), owner).unwrap();
        assert!(keyring(&[2, 1]).open(&sealed, owner).is_ok());
        assert_eq!(keyring(&[2]).open(&sealed, owner).unwrap_err(), OpenError::UnknownKey);
    }

    #[test]
    fn every_damaged_byte_is_noticed() {
        let tenant = TenantId::parse("a").unwrap();
        let owner = Owner { tenant: &tenant, endpoint: EndpointId::generate() };
        let sealed = keyring(&[1]).seal(&SecretString::from("hush"), owner).unwrap();
        for at in 0..sealed.as_bytes().len() {
            let mut bytes = sealed.as_bytes().to_vec();
            bytes[at] ^= 1;
            assert!(keyring(&[1]).open(&Sealed::from_bytes(bytes), owner).is_err(), "byte {at}");
            let cut = sealed.as_bytes()[..at].to_vec();
            assert!(keyring(&[1]).open(&Sealed::from_bytes(cut), owner).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn bad_keys_are_named() {
        assert_eq!(Keyring::from_str(" , ").unwrap_err(), MasterKeyError::Missing);
        let short = format!("{},{}", STANDARD.encode([1; 32]), STANDARD.encode([1; 31]));
        assert_eq!(Keyring::from_str(&short).unwrap_err(), MasterKeyError::BadKey(2));
    }
}

//! What a contract says, in 32 bytes.
//!
//! The digest is SHA-256 over the meaning, not over the text: comments, the order of tables, white
//! space and defaults that are spelled out do not count, so that tidying a file makes no new version.
//! It covers every key that a file has: a new release of this crate that knows more keys gives the
//! same digest to the files that do not use them.

use crate::body;
use crate::file::{Body, Exponential, File, SecretForm, Signature, Text};
use crate::json::normalise_object;
use sha2::{Digest as _, Sha256};
use std::fmt;
use toml::Spanned;

/// Names one version of one contract.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContractDigest([u8; 32]);

impl ContractDigest {
    /// The digest's bytes, as the store keeps them.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The digest that these bytes are.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// In hexadecimal.
impl fmt::Display for ContractDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for ContractDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContractDigest({self})")
    }
}

/// The digest of a file that was found right.
pub(crate) fn of(mut file: File) -> ContractDigest {
    leave_out_defaults(&mut file);
    // Keys of a struct stand in the order of its fields; such text always can be written.
    let canonical = serde_json::to_vec(&file).unwrap_or_default();
    ContractDigest(Sha256::digest(canonical).into())
}

/// Takes out what says nothing that its absence would not say.
fn leave_out_defaults(file: &mut File) {
    let request = &mut file.request;
    drop_if(&mut request.content_type, "application/json");
    request.traceparent = request.traceparent.filter(|allowed| *allowed);
    if let Body::Keys(keys) = request.body.as_mut() {
        for key in keys {
            let key = key.as_mut();
            drop_if(&mut key.format, "rfc3339");
            if let Some(json) = &mut key.json {
                *json.as_mut() = body::constant_form(json.get_ref());
            }
        }
    }
    for signature in &mut file.signatures {
        let Signature { secret, .. } = signature.as_mut();
        drop_if(secret, "first");
    }
    for form in file.secret.iter_mut().chain(&mut file.second_secret) {
        leave_out_sizes(form.as_mut());
    }
    if let Some(exponential) = &mut file.delivery.exponential {
        let Exponential { overridable, .. } = exponential.as_mut();
        *overridable = overridable.filter(|overridable| *overridable);
    }
    for event in &mut file.events {
        if let Ok(normal) = normalise_object(event.example.get_ref().as_bytes()) {
            *event.example.as_mut() = String::from_utf8_lossy(normal.as_bytes()).into_owned();
        }
    }
}

fn leave_out_sizes(form: &mut SecretForm) {
    let (random, min, max) = match form.key.get_ref().as_str() {
        "text" => (32, 1, 256),
        _ => (24, 24, 64),
    };
    let sizes =
        [(&mut form.random_bytes, random), (&mut form.min_bytes, min), (&mut form.max_bytes, max)];
    for (size, default) in sizes {
        if size.as_ref().is_some_and(|given| *given.get_ref() == default) {
            *size = None;
        }
    }
    drop_if(&mut form.encoding, "hex");
}

fn drop_if(value: &mut Option<Text>, default: &str) {
    if value.as_ref().map(Spanned::get_ref).is_some_and(|given| given == default) {
        *value = None;
    }
}

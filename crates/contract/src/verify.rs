//! Verifying a request as its receiver does: the contract's headers, the signature, its age.
//!
//! Nothing that delivers needs this; it is for whoever builds or debugs a receiver. Signing, the other
//! direction, is in `signature`.

mod signed;
#[cfg(test)]
mod tests;

use crate::body::Source;
use crate::contract::Contract;
use crate::key::{SigningKey, Verify};
use crate::signature::SignatureHeader;
use crate::template::{Template, Variable};
use serde_json::value::RawValue;
use signed::{Candidate, Signed};
use std::collections::HashMap;
use std::time::Duration;

/// A request as it was received.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// All its headers; their names may be in any case.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// The body's bytes, before anything parsed them.
    pub body: &'a [u8],
}

/// A request has a right signature of an age that is tolerated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Which of the keys signed it, from 0.
    pub key: usize,
}

/// Which rule a request breaks. It never shows what the signature should have been: told to a
/// sender, that would be a signature for whatever it likes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// A header that the contract promises is not there.
    #[error("the header {0} is missing")]
    Missing(String),
    /// A header stands there twice, and receivers differ in which one they take.
    #[error("the header {0} is given more than once")]
    Repeated(String),
    /// A header is not in its form.
    #[error("the header {header} must be {form}")]
    Malformed {
        /// Its name.
        header: String,
        /// What it must be.
        form: String,
    },
    /// No signature is right under any of the keys.
    #[error(
        "the signature differs: it was made with another secret, or for another id, timestamp or body"
    )]
    Differs,
    /// It is rightly signed, but too long ago: somebody may repeat an old request.
    #[error(
        "the signature is right, but {age_seconds} s old, and {tolerance_seconds} s are tolerated"
    )]
    TooOld {
        /// How long ago it was signed.
        age_seconds: u64,
        /// How long ago it may have been signed.
        tolerance_seconds: u64,
    },
    /// It is rightly signed, but the sender's clock is too far ahead.
    #[error(
        "the signature is right, but dated {ahead_seconds} s ahead, and {tolerance_seconds} s are \
         tolerated"
    )]
    TooNew {
        /// By how much the timestamp is ahead of now.
        ahead_seconds: u64,
        /// By how much it may be ahead.
        tolerance_seconds: u64,
    },
}

impl Contract {
    /// Checks a request's signatures with each of the keys, and then its age, if the contract signs a
    /// time: `now` is in Unix seconds, and the time may differ from it by `tolerance` either way.
    ///
    /// Each header with signatures must have a right one under one of the keys; headers for a secret
    /// of which no key is given are left aside. Gives the first key that fits, or the first rule that
    /// is broken. Signatures are compared in constant time.
    ///
    /// ```
    /// use postrider_contract::{Contracts, Received, SigningKey, VerifyError};
    /// use std::time::Duration;
    /// let request = Received { headers: &[("Webhook-Id", b"msg_1")], body: b"{}" };
    /// let (contracts, keys): (_, &[SigningKey]) = (Contracts::built_in(), &[]);
    /// let contract = contracts.default_contract();
    /// let verified = contract.verify(&request, keys, 0, Duration::from_secs(300));
    /// assert_eq!(verified, Err(VerifyError::Missing("webhook-timestamp".to_owned())));
    /// ```
    pub fn verify<K: Verify>(
        &self,
        request: &Received<'_>,
        keys: &[K],
        now: i64,
        tolerance: Duration,
    ) -> Result<Verified, VerifyError> {
        let mut verified = None;
        let mut signed_at = None;
        for header in self.headers_to_verify(keys) {
            let signed = Signed::of(self, header, request)?;
            let candidates = signed.candidates(header)?;
            let signs = |key: &K| candidates.iter().any(|one| is_right(one, &signed, key));
            let key = keys.iter().position(signs).ok_or(VerifyError::Differs)?;
            verified.get_or_insert(key);
            signed_at = signed_at.or(signed.timestamp(header)?);
        }
        if let Some(timestamp) = signed_at {
            check_age(timestamp, now, tolerance)?;
        }
        Ok(Verified { key: verified.ok_or(VerifyError::Differs)? })
    }

    /// The headers with signatures that any of the keys could have made; the first one if there is
    /// none, so that its form is judged.
    fn headers_to_verify<K: Verify>(&self, keys: &[K]) -> Vec<&SignatureHeader> {
        let all = self.signature_headers();
        let fits = |header: &&SignatureHeader| {
            let mut entries = header.entries.iter();
            entries.any(|entry| keys.iter().any(|key| key.fits(entry.slot, entry.algorithm)))
        };
        let headers: Vec<_> = all.iter().filter(fits).collect();
        if headers.is_empty() { all.iter().take(1).collect() } else { headers }
    }

    /// The first signature header's name and the value that would have been right under this key, for
    /// whoever holds the secret and looks for the difference. Never for the sender.
    pub fn expected_signature(
        &self,
        request: &Received<'_>,
        key: &SigningKey,
    ) -> Result<(&str, String), VerifyError> {
        let keys = std::slice::from_ref(key);
        for header in self.headers_to_verify(keys) {
            let signed = Signed::of(self, header, request)?;
            if let Some(expected) = header.sign(&signed.values(), keys) {
                return Ok((header.label.as_str(), expected.value));
            }
        }
        Err(VerifyError::Differs)
    }

    /// The delivery's id as a receiver sees it, which is the same on every attempt.
    pub fn delivery_id(&self, request: &Received<'_>) -> Option<String> {
        let variables = [Variable::DeliveryId, Variable::DeliveryUuid];
        let sources = [Source::DeliveryId, Source::DeliveryUuid];
        self.told(request, &variables, &sources)
    }

    /// The event's type.
    pub fn event_type(&self, request: &Received<'_>) -> Option<String> {
        // No type has a slash of its own.
        let slashes =
            || Some(self.told(request, &[Variable::EventTypeSlashes], &[])?.replace('/', "."));
        self.told(request, &[Variable::EventType], &[Source::EventType]).or_else(slashes)
    }

    /// What a header tells, or the body.
    fn told(
        &self,
        request: &Received<'_>,
        variables: &[Variable],
        sources: &[Source],
    ) -> Option<String> {
        let in_header = variables.iter().find_map(|variable| {
            let rule = self.headers_with_values().iter().find(|one| one.value.tells(*variable))?;
            let value = header(request, rule.label.as_str()).ok()?;
            read_whole(&rule.value, value, *variable).map(str::to_owned)
        });
        in_header.or_else(|| {
            let key = sources.iter().find_map(|source| self.body_rule().key_of(source))?;
            let body: HashMap<String, &RawValue> = serde_json::from_slice(request.body).ok()?;
            serde_json::from_str(body.get(key)?.get()).ok()
        })
    }
}

fn is_right<K: Verify>(candidate: &Candidate<'_>, signed: &Signed<'_>, key: &K) -> bool {
    let Candidate { entry, signature } = candidate;
    let values = signed.values();
    key.fits(entry.slot, entry.algorithm)
        && key.is_signature(entry.algorithm, signature, |sink| entry.content.feed(&values, sink))
}

/// What a variable stands for in a header's whole value.
fn read_whole<'a>(template: &Template, value: &'a str, variable: Variable) -> Option<&'a str> {
    let (values, rest) = template.read(value)?;
    let found = values.into_iter().find(|(one, _)| *one == variable);
    found.filter(|_| rest.is_empty()).map(|(_, value)| value)
}

/// The only value of a header, as text.
fn header<'a>(request: &Received<'a>, name: &str) -> Result<&'a str, VerifyError> {
    let mut values = request
        .headers
        .iter()
        .filter(|(given, _)| given.eq_ignore_ascii_case(name))
        .map(|(_, value)| *value);
    let value = values.next().ok_or_else(|| VerifyError::Missing(name.to_owned()))?;
    if values.next().is_some() {
        return Err(VerifyError::Repeated(name.to_owned()));
    }
    let text = std::str::from_utf8(value);
    text.map_err(|_| VerifyError::Malformed { header: name.to_owned(), form: "text".to_owned() })
}

fn check_age(timestamp: i64, now: i64, tolerance: Duration) -> Result<(), VerifyError> {
    let tolerance_seconds = tolerance.as_secs();
    let distance = now.abs_diff(timestamp);
    if distance <= tolerance_seconds {
        return Ok(());
    }
    Err(if timestamp < now {
        VerifyError::TooOld { age_seconds: distance, tolerance_seconds }
    } else {
        VerifyError::TooNew { ahead_seconds: distance, tolerance_seconds }
    })
}

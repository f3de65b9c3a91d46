//! Verifying a request as its receiver does: the contract's headers, the signature, its age.
//!
//! Nothing that delivers needs this; it is for whoever builds or debugs a receiver. Signing, the other
//! direction, is in `signature`.
//!
//! Source: <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>,
//! "Verifying webhook authenticity".

use crate::contract::Contract;
use crate::secret::SigningKey;
use crate::signature;
use serde::Deserialize;
use std::borrow::Cow;
use std::time::Duration;

const ID: &str = "webhook-id";
const TIMESTAMP: &str = "webhook-timestamp";
const SIGNATURE: &str = "webhook-signature";

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// A header that the contract promises is not there.
    #[error("the header {0} is missing")]
    Missing(&'static str),
    /// A header stands there twice, and receivers differ in which one they take.
    #[error("the header {0} is given more than once")]
    Repeated(&'static str),
    /// A header is not in its form.
    #[error("the header {header} must be {form}")]
    Malformed {
        /// Its name.
        header: &'static str,
        /// What it must be.
        form: &'static str,
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
    /// Checks a request's signature with each of the keys, and then its age: `now` is in Unix seconds,
    /// and the timestamp may differ from it by `tolerance` either way. Gives the first key that fits,
    /// or the first rule that is broken. Signatures are compared in constant time.
    ///
    /// ```
    /// use postrider_contract::{Contract, Received, VerifyError};
    /// use std::time::Duration;
    /// let request = Received { headers: &[("Webhook-Id", b"msg_1")], body: b"{}" };
    /// let verified =
    ///     Contract::standard_webhooks().verify(&request, &[], 0, Duration::from_secs(300));
    /// assert_eq!(verified, Err(VerifyError::Missing("webhook-timestamp")));
    /// ```
    pub fn verify(
        &self,
        request: &Received<'_>,
        keys: &[SigningKey],
        now: i64,
        tolerance: Duration,
    ) -> Result<Verified, VerifyError> {
        let (id, timestamp) = signed_headers(request)?;
        let macs = signature::macs(header(request, SIGNATURE)?);
        if macs.is_empty() {
            let form = "v1, and 32 bytes in base64; several are separated by spaces";
            return Err(VerifyError::Malformed { header: SIGNATURE, form });
        }
        let signed = |key: &SigningKey| {
            macs.iter().any(|mac| signature::is_right(key, id, timestamp, request.body, mac))
        };
        let key = keys.iter().position(signed).ok_or(VerifyError::Differs)?;
        check_age(timestamp, now, tolerance)?;
        Ok(Verified { key })
    }

    /// The signature header's name and the value that would have been right under this key, for
    /// whoever holds the secret and looks for the difference. Never for the sender.
    pub fn expected_signature(
        &self,
        request: &Received<'_>,
        key: &SigningKey,
    ) -> Result<(&'static str, String), VerifyError> {
        let (id, timestamp) = signed_headers(request)?;
        let keys = std::slice::from_ref(key);
        Ok((SIGNATURE, signature::header_value(keys, id, timestamp, request.body)))
    }

    /// The delivery's id, which is the same on every attempt.
    pub fn delivery_id<'a>(&self, request: &Received<'a>) -> Option<&'a str> {
        header(request, ID).ok()
    }

    /// The event's type.
    pub fn event_type(&self, request: &Received<'_>) -> Option<String> {
        #[derive(Deserialize)]
        struct Body<'a> {
            #[serde(rename = "type", borrow)]
            event_type: Cow<'a, str>,
        }
        let body: Body<'_> = serde_json::from_slice(request.body).ok()?;
        Some(body.event_type.into_owned())
    }
}

/// The id and the timestamp, which are signed along with the body.
fn signed_headers<'a>(request: &Received<'a>) -> Result<(&'a str, i64), VerifyError> {
    let id = header(request, ID)?;
    let form = "a time in whole Unix seconds";
    let malformed = VerifyError::Malformed { header: TIMESTAMP, form };
    let timestamp = header(request, TIMESTAMP)?.parse().map_err(|_| malformed)?;
    Ok((id, timestamp))
}

fn header<'a>(request: &Received<'a>, name: &'static str) -> Result<&'a str, VerifyError> {
    let mut values = request
        .headers
        .iter()
        .filter(|(given, _)| given.eq_ignore_ascii_case(name))
        .map(|(_, value)| *value);
    let value = values.next().ok_or(VerifyError::Missing(name))?;
    if values.next().is_some() {
        return Err(VerifyError::Repeated(name));
    }
    let malformed = VerifyError::Malformed { header: name, form: "text" };
    std::str::from_utf8(value).map_err(|_| malformed)
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

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::SecretString;

    /// Signed as the specification's own example is.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const OTHER: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    const NOW: i64 = 1_614_265_330;
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const RIGHT: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    const TOLERANCE: Duration = Duration::from_mins(5);

    /// The three headers, and the ways in which a test changes them.
    #[derive(Clone)]
    struct Request {
        headers: Vec<(&'static str, Vec<u8>)>,
        body: &'static [u8],
    }

    impl Request {
        fn signed(signature: &str) -> Self {
            let headers = vec![
                ("Webhook-Id", b"msg_p5jXN8AQM9LWM0D4loKWxJek".to_vec()),
                ("Webhook-Timestamp", NOW.to_string().into_bytes()),
                ("Webhook-Signature", signature.as_bytes().to_vec()),
            ];
            Self { headers, body: BODY }
        }

        fn with(mut self, place: usize, value: &str) -> Self {
            self.headers[place].1 = value.as_bytes().to_vec();
            self
        }

        fn verify(&self, secrets: &[&str], now: i64) -> Result<Verified, VerifyError> {
            let keys: Vec<_> = secrets.iter().map(|secret| key(secret)).collect();
            self.received(|request| {
                Contract::standard_webhooks().verify(&request, &keys, now, TOLERANCE)
            })
        }

        fn received<T>(&self, then: impl FnOnce(Received<'_>) -> T) -> T {
            let headers: Vec<_> =
                self.headers.iter().map(|(name, value)| (*name, value.as_slice())).collect();
            then(Received { headers: &headers, body: self.body })
        }
    }

    fn key(secret: &str) -> SigningKey {
        SigningKey::from_secret(&SecretString::from(secret)).unwrap()
    }

    #[test]
    fn a_right_signature_is_found_among_others_and_under_any_key() {
        let wrong = RIGHT.replace("g0hM", "g0hN");
        let signed = Request::signed(&format!("v1a,abc {wrong} {RIGHT}"));
        assert_eq!(signed.verify(&[SECRET], NOW), Ok(Verified { key: 0 }));
        assert_eq!(signed.verify(&[OTHER, SECRET], NOW), Ok(Verified { key: 1 }));
    }

    #[test]
    fn whatever_is_changed_makes_the_signature_differ() {
        let signed = Request::signed(RIGHT);
        let body = Request { body: br#"{"test":2432232314}"#, ..signed.clone() };
        let changed = [
            signed.clone().with(0, "msg_other"),
            signed.clone().with(1, "1614265331"),
            signed.clone().with(2, &RIGHT.replace("g0hM", "g0hN")),
            body,
        ];
        for request in changed {
            let headers = &request.headers;
            assert_eq!(request.verify(&[SECRET], NOW), Err(VerifyError::Differs), "{headers:?}");
        }
        for secrets in [&[OTHER][..], &[]] {
            assert_eq!(signed.verify(secrets, NOW), Err(VerifyError::Differs));
        }
    }

    #[test]
    fn the_borders_of_its_age() {
        let signed = Request::signed(RIGHT);
        for now in [NOW - 300, NOW, NOW + 300] {
            assert!(signed.verify(&[SECRET], now).is_ok(), "{now}");
        }
        let old = VerifyError::TooOld { age_seconds: 301, tolerance_seconds: 300 };
        assert_eq!(signed.verify(&[SECRET], NOW + 301), Err(old));
        let new = VerifyError::TooNew { ahead_seconds: 301, tolerance_seconds: 300 };
        assert_eq!(signed.verify(&[SECRET], NOW - 301), Err(new));
        // A signature that differs is that, however old.
        assert_eq!(signed.verify(&[OTHER], NOW + 301), Err(VerifyError::Differs));
        assert!(matches!(signed.verify(&[SECRET], i64::MIN), Err(VerifyError::TooNew { .. })));
    }

    #[test]
    fn each_header_must_be_there_once_and_in_its_form() {
        let names = [ID, TIMESTAMP, SIGNATURE];
        for (place, name) in names.into_iter().enumerate() {
            let mut missing = Request::signed(RIGHT);
            let removed = missing.headers.remove(place);
            assert_eq!(missing.verify(&[SECRET], NOW), Err(VerifyError::Missing(name)));
            let mut repeated = Request::signed(RIGHT);
            repeated.headers.push(removed);
            assert_eq!(repeated.verify(&[SECRET], NOW), Err(VerifyError::Repeated(name)));
            let mut binary = Request::signed(RIGHT);
            binary.headers[place].1 = vec![0xff];
            assert!(is_malformed(&binary, name));
        }
        for text in ["", "now", "1.5", "99999999999999999999"] {
            assert!(is_malformed(&Request::signed(RIGHT).with(1, text), TIMESTAMP), "{text}");
        }
        for text in ["", "v1,", "v1,abc", "v1,g0hM", "v1a,abc", &RIGHT[3..]] {
            assert!(is_malformed(&Request::signed(text), SIGNATURE), "{text}");
        }
    }

    fn is_malformed(request: &Request, name: &str) -> bool {
        matches!(request.verify(&[SECRET], NOW), Err(VerifyError::Malformed { header, .. }) if header == name)
    }

    #[test]
    fn the_expected_signature_is_the_one_that_verifies() {
        let request = Request::signed("v1,whatever");
        let contract = Contract::standard_webhooks();
        let expected =
            request.received(|request| contract.expected_signature(&request, &key(SECRET)));
        assert_eq!(expected, Ok((SIGNATURE, RIGHT.to_owned())));
    }

    #[test]
    fn id_and_type_are_read_whether_or_not_it_is_signed() {
        let contract = Contract::standard_webhooks();
        let typed = Request { body: br#"{"type":"a\u002eb","data":{}}"#, ..Request::signed("") };
        typed.received(|request| {
            assert_eq!(contract.delivery_id(&request), Some("msg_p5jXN8AQM9LWM0D4loKWxJek"));
            assert_eq!(contract.event_type(&request).as_deref(), Some("a.b"));
        });
        let bare = Received { headers: &[], body: b"[]" };
        assert_eq!((contract.delivery_id(&bare), contract.event_type(&bare)), (None, None));
    }
}

//! One contract: everything that a product promises its receivers.

use crate::body::{self, BodyError, EventView};
use crate::ids::IdPrefixes;
use crate::schedule::{Jitter, RetrySchedule};
use crate::secret::{self, SecretError, SigningKey};
use crate::signature;
use bytes::Bytes;
use secrecy::SecretString;
use std::time::Duration;
use uuid::Uuid;

/// The contract of a tenant that names none.
pub const DEFAULT_CONTRACT: &str = "standard-webhooks";

/// At once, then after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h and 24 h.
const STANDARD_DELAYS: [u32; 9] = [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400];

/// What one request says about its delivery.
#[derive(Clone, Copy, Debug)]
pub struct DeliveryView<'a> {
    /// The delivery's id, the same on every attempt.
    pub id: Uuid,
    /// The attempt's own time, in Unix seconds; it is signed.
    pub timestamp: i64,
    /// The bytes that are sent.
    pub body: &'a [u8],
}

/// A product's contract.
#[derive(Clone, Debug)]
pub struct Contract {
    name: &'static str,
    ids: IdPrefixes,
    user_agent: String,
    allows_http: bool,
    carries_trace_context: bool,
    timeout: Duration,
    schedule: RetrySchedule,
    jitter: Jitter,
}

impl Contract {
    /// The contract of <https://www.standardwebhooks.com>: three `webhook-…` headers, a body of
    /// `type`, `timestamp` and `data`, ten attempts over three days.
    ///
    /// # Panics
    ///
    /// Never: its schedule is a constant that a test covers.
    pub fn standard_webhooks() -> Self {
        #[expect(clippy::expect_used, reason = "a constant within the limits, covered by a test")]
        let schedule = RetrySchedule::from_seconds(&STANDARD_DELAYS).expect("a valid constant");
        Self {
            name: DEFAULT_CONTRACT,
            ids: IdPrefixes { event: "evt_", delivery: "msg_", endpoint: "webhook_" },
            user_agent: concat!("Postrider/", env!("CARGO_PKG_VERSION")).to_owned(),
            allows_http: true,
            carries_trace_context: true,
            timeout: Duration::from_secs(15),
            schedule,
            jitter: Jitter::percent(15),
        }
    }

    /// The contract's name.
    pub fn name(&self) -> &str {
        self.name
    }

    /// How its ids are written.
    pub fn ids(&self) -> &IdPrefixes {
        &self.ids
    }

    /// Whether an endpoint may have a plain `http://` URL.
    pub fn allows_http(&self) -> bool {
        self.allows_http
    }

    /// Whether a request may carry a `traceparent` (W3C Trace Context) beside the contract's own
    /// headers.
    pub fn carries_trace_context(&self) -> bool {
        self.carries_trace_context
    }

    /// How long an attempt may take, head and body together.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// When a failed delivery is tried again.
    pub fn schedule(&self) -> &RetrySchedule {
        &self.schedule
    }

    /// By how much a retry may be late.
    pub fn jitter(&self) -> Jitter {
        self.jitter
    }

    /// Whether a response with this status counts as success: any 2xx.
    pub fn is_success(&self, status: u16) -> bool {
        (200..300).contains(&status)
    }

    /// Writes 24 random bytes in the contract's form of a secret.
    ///
    /// ```
    /// let contract = postrider_contract::Contract::standard_webhooks();
    /// let secret = contract.secret_from_random(&[7; 24]);
    /// assert!(contract.signing_key(&secret).is_ok());
    /// ```
    pub fn secret_from_random(&self, bytes: &[u8; 24]) -> SecretString {
        secret::from_random(bytes)
    }

    /// Takes the signing key from a secret, or says why it is none.
    pub fn signing_key(&self, secret: &SecretString) -> Result<SigningKey, SecretError> {
        SigningKey::from_secret(secret)
    }

    /// The request's body.
    pub fn body(&self, event: &EventView<'_>) -> Result<Bytes, BodyError> {
        body::standard(event)
    }

    /// The names of the headers that the contract sets, in lower case: an endpoint may not set them.
    pub fn header_names(&self) -> &'static [&'static str] {
        &["content-type", "user-agent", "webhook-id", "webhook-timestamp", "webhook-signature"]
    }

    /// The request's headers in their order, signed with every valid key.
    pub fn headers(
        &self,
        delivery: &DeliveryView<'_>,
        keys: &[SigningKey],
    ) -> [(&'static str, String); 5] {
        let DeliveryView { timestamp, body, .. } = *delivery;
        let id = self.ids.delivery(delivery.id);
        let signature = signature::header_value(keys, &id, timestamp, body);
        [
            ("content-type", "application/json".to_owned()),
            ("user-agent", self.user_agent.clone()),
            ("webhook-id", id),
            ("webhook-timestamp", timestamp.to_string()),
            ("webhook-signature", signature),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_verifier_accepts_our_headers() {
        let contract = Contract::standard_webhooks();
        let secret = contract.secret_from_random(&[3; 24]);
        let key = contract.signing_key(&secret).unwrap();
        let body = br#"{"type":"a","timestamp":"2024-01-20T15:00:00Z","data":{}}"#;
        let timestamp =
            i64::try_from(std::time::UNIX_EPOCH.elapsed().expect("a clock after 1970").as_secs())
                .unwrap();
        let delivery = DeliveryView { id: Uuid::from_u128(7), timestamp, body };
        let mut headers = http_headers(&contract.headers(&delivery, &[key]));
        let verifier =
            standardwebhooks::Webhook::new(secrecy::ExposeSecret::expose_secret(&secret)).unwrap();
        verifier.verify(body, &headers).unwrap();
        headers.insert("webhook-id", "msg_other".parse().unwrap());
        assert!(verifier.verify(body, &headers).is_err());
    }

    fn http_headers(headers: &[(&'static str, String)]) -> http::HeaderMap {
        let typed = |(name, value): &(&'static str, String)| {
            (http::HeaderName::from_static(name), value.parse().unwrap())
        };
        headers.iter().map(typed).collect()
    }

    #[test]
    fn the_headers_are_those_that_are_named() {
        let contract = Contract::standard_webhooks();
        let delivery = DeliveryView { id: Uuid::nil(), timestamp: 0, body: b"" };
        let names = contract.headers(&delivery, &[]).map(|(name, _)| name);
        assert_eq!(names, *contract.header_names());
    }

    #[test]
    fn there_are_ten_attempts() {
        assert_eq!(Contract::standard_webhooks().schedule().seconds().len(), 9);
    }
}

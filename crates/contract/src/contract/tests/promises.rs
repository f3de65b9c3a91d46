//! What the products' documents promise, written down by hand and apart from the contract files, and
//! compared with what is sent.

mod table;

use super::sample::{DELIVERY, delivery, key};
use crate::contract::{AfterLast, Contract};
use crate::contracts::Contracts;
use crate::request::AttemptView;
use crate::schedule::Jitter;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::time::Duration;
use table::PROMISES;

/// When each attempt is signed: later than the event happened.
const SIGNED_AT: &str = "1705763000";

/// One column of the documents' table.
struct Promise {
    contract: &'static str,
    secret: &'static str,
    /// Every header but the signatures, in order; `%` stands for the delivery's bare UUID.
    headers: &'static [(&'static str, &'static str)],
    /// Signature headers: name, what stands before the signature, what is signed before the body,
    /// how it is written.
    signatures: &'static [(&'static str, &'static str, &'static str, Written)],
    body: &'static str,
    timeout: u64,
    successes: &'static [u16],
    delays: &'static [u32],
    jitter: u8,
    after_last: AfterLast,
    https_only: bool,
    /// Requests and seconds.
    rate: &'static [(u32, u64)],
    event_types: &'static [&'static str],
    generated: &'static str,
    delivery_prefix: &'static str,
    endpoint_prefix: &'static str,
    /// Whether every valid secret signs while one is rotated.
    both_sign: bool,
}

#[derive(Clone, Copy)]
enum Written {
    Sha256Hex,
    Sha1Hex,
    Sha256Base64,
}

#[test]
fn there_is_a_promise_for_every_built_in_contract() {
    let mut promised: Vec<_> = PROMISES.iter().map(|promise| promise.contract).collect();
    let contracts = Contracts::built_in();
    let mut built_in = contracts.names();
    promised.sort_unstable();
    built_in.sort_unstable();
    assert_eq!(promised, built_in);
}

#[test]
fn requests_are_as_promised() {
    for promise in PROMISES {
        let contract = contract(promise);
        let delivery = delivery();
        let body = contract.body(&delivery).unwrap();
        assert_eq!(body, promise.body, "{}", promise.contract);
        let timestamp = SIGNED_AT.parse().unwrap();
        let attempt = AttemptView { delivery, timestamp, body: &body };
        let keys = [key(&contract, promise.secret)];
        let sent = contract.headers(&attempt, &keys);
        let sent: Vec<_> =
            sent.iter().map(|header| (header.label.as_str(), header.value.clone())).collect();
        assert_eq!(sent, expected_headers(promise), "{}", promise.contract);
    }
}

fn expected_headers(promise: &Promise) -> Vec<(&'static str, String)> {
    let uuid = DELIVERY.to_string();
    let fill = |value: &str| value.replace('%', &uuid).replace("TIME", SIGNED_AT);
    let plain = promise.headers.iter().map(|(name, value)| (*name, fill(value)));
    let signed = promise.signatures.iter().map(|(name, before, content, written)| {
        let content = fill(content) + promise.body;
        let key = key_bytes(promise);
        (*name, fill(before) + &written.sign(&key, content.as_bytes()))
    });
    plain.chain(signed).collect()
}

/// The key, taken from the secret by hand.
fn key_bytes(promise: &Promise) -> Vec<u8> {
    use base64::Engine as _;
    if !matches!(promise.contract, "standard-webhooks" | "svix") {
        return promise.secret.as_bytes().to_vec();
    }
    let encoded = promise.secret.strip_prefix("whsec_").unwrap();
    base64::engine::general_purpose::STANDARD.decode(encoded).unwrap()
}

impl Written {
    fn sign(self, key: &[u8], content: &[u8]) -> String {
        use base64::Engine as _;
        let mut sha256 = Hmac::<Sha256>::new_from_slice(key).unwrap();
        sha256.update(content);
        let sha256 = sha256.finalize().into_bytes();
        match self {
            Self::Sha256Hex => hex::encode(sha256),
            Self::Sha256Base64 => base64::engine::general_purpose::STANDARD.encode(sha256),
            Self::Sha1Hex => {
                let mut sha1 = Hmac::<sha1::Sha1>::new_from_slice(key).unwrap();
                sha1.update(content);
                hex::encode(sha1.finalize().into_bytes())
            }
        }
    }
}

#[test]
fn deliveries_are_tried_as_promised() {
    for promise in PROMISES {
        let contract = contract(promise);
        let name = promise.contract;
        assert_eq!(contract.timeout(), Duration::from_secs(promise.timeout), "{name}");
        let successes = (100..=999).filter(|status| contract.is_success(*status));
        assert_eq!(successes.collect::<Vec<_>>(), promise.successes, "{name}");
        assert_eq!(contract.schedule().seconds(), promise.delays, "{name}");
        assert_eq!(contract.jitter(), Jitter::percent(promise.jitter), "{name}");
        assert_eq!(contract.after_last(), promise.after_last, "{name}");
        assert_eq!(contract.allows_http(), !promise.https_only, "{name}");
        let windows = contract.rate_limit().iter();
        let windows: Vec<_> =
            windows.map(|window| (window.requests, window.length.as_secs())).collect();
        assert_eq!(windows, promise.rate, "{name}");
    }
}

#[test]
fn ids_secrets_and_catalogues_are_as_promised() {
    for promise in PROMISES {
        let contract = contract(promise);
        let name = promise.contract;
        let [_, delivery, endpoint] = contract.ids().prefixes();
        assert_eq!(
            (delivery, endpoint),
            (promise.delivery_prefix, promise.endpoint_prefix),
            "{name}"
        );
        let secret = contract.secret_from_random(&[0xab; 64]);
        assert_eq!(secrecy::ExposeSecret::expose_secret(&secret), promise.generated, "{name}");
        assert_eq!(contract.signs_with_every_secret(), promise.both_sign, "{name}");
        let types = contract.catalogue().iter().map(crate::CataloguedEvent::event_type);
        assert_eq!(types.collect::<Vec<_>>(), promise.event_types, "{name}");
    }
}

#[test]
fn a_producers_own_event_id_is_shown_as_given() {
    let mut delivery = delivery();
    delivery.event.given_id = Some("order-1.x_Y");
    for name in ["patra", "attribution", "platform"] {
        let contracts = Contracts::built_in();
        let body = contracts.get(name).unwrap().body(&delivery).unwrap();
        assert!(body.starts_with(br#"{"id":"order-1.x_Y","#), "{name}: {body:?}");
    }
}

#[test]
fn an_endpoint_may_have_its_own_numbers_with_leads_alone() {
    let contracts = Contracts::built_in();
    let with: Vec<_> = contracts.iter().filter(|contract| contract.backoff().is_some()).collect();
    assert_eq!(with.iter().map(|contract| contract.name()).collect::<Vec<_>>(), ["leads"]);
    let backoff = with[0].backoff().unwrap();
    let numbers = (backoff.first_delay(), backoff.factor().to_string(), backoff.max_retries());
    assert_eq!(numbers, (1, "2".to_owned(), 5));
}

#[test]
fn examples_of_the_documents_are_there_to_the_byte() {
    let contracts = Contracts::built_in();
    let example = |contract: &str, event_type: &str| {
        let contract = contracts.get(contract).unwrap();
        let example = contract.catalogued(event_type).unwrap().example();
        String::from_utf8(example.as_bytes().to_vec()).unwrap()
    };
    assert_eq!(
        example("leads", "lead_update"),
        concat!(
            r#"{"id":"lead_123","name":"John Doe","email":"john@example.com","#,
            r#""phone":"+1234567890","changes":{"status":"contacted","#,
            r#""notes":"Called and left voicemail"}}"#
        )
    );
    assert_eq!(
        example("cathcr", "thought.deleted"),
        r#"{"thought_id":"thought_456","user_id":"user_123"}"#
    );
    assert_eq!(
        example("patra", "card.updated"),
        concat!(
            r#"{"id":"card_abc123","username":"johndoe","updatedAt":"2024-12-01T14:22:00Z","#,
            r#""changes":["bio","jobTitle"]}"#
        )
    );
    assert!(example("cathcr", "reminder.completed").contains(r#""completed_at":"2024-"#));
}

fn contract(promise: &Promise) -> std::sync::Arc<Contract> {
    std::sync::Arc::clone(Contracts::built_in().get(promise.contract).unwrap())
}

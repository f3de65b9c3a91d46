//! What must hold for every input: the fuzz targets under `fuzz/` call these functions with what a
//! fuzzer finds, and a test calls them with a thousand inputs of its own.

#![expect(clippy::panic, reason = "what does not hold is found by panicking")]

#[cfg(test)]
mod tests;

use crate::contract::Contract;
use crate::contracts::Contracts;
use crate::json::{JsonError, normalise_object};
use crate::request::{AttemptView, DeliveryView, EventView};
use crate::verify::Received;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// Reads bytes as a contract file. One that is right can be read again, means the same, and what it
/// signs verifies; of one that is not, every problem has a place in the file.
///
/// # Panics
///
/// When that does not hold.
pub fn contract_file(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match Contract::parse("own.toml", &text) {
        Ok(contract) => {
            let again = Contract::parse("own.toml", contract.source());
            assert_eq!(again.map(|again| again.digest()), Ok(contract.digest()));
            signs_what_it_verifies(&contract);
        }
        Err(errors) => {
            assert!(errors.iter().len() > 0, "refused for nothing");
            let lines = text.lines().count().max(1) + 1;
            for error in &errors {
                assert!((1..=lines).contains(&error.line) && error.column > 0, "{error}");
                assert!(!error.reason.is_empty(), "{error}");
            }
        }
    }
}

fn signs_what_it_verifies(contract: &Contract) {
    let keys = [contract.signing_key(&contract.secret_from_random(&[7; 64]))];
    let [Ok(key)] = keys else { panic!("a generated secret is refused") };
    let types = contract.catalogue().iter().map(crate::CataloguedEvent::event_type);
    for event_type in types.chain(["other"]) {
        let at = OffsetDateTime::UNIX_EPOCH;
        let keys = std::slice::from_ref(&key);
        let Ok(request) = contract.example_request(event_type, keys, at) else {
            panic!("no request can be made")
        };
        let headers: Vec<_> = request
            .headers
            .iter()
            .map(|header| (header.label.as_str(), header.value.as_bytes()))
            .collect();
        let received = Received { headers: &headers, body: &request.body };
        let verified = contract.verify(&received, keys, 0, Duration::ZERO);
        assert!(verified.is_ok(), "{verified:?}");
    }
}

/// Builds the bodies of every built-in contract from bytes: a payload, and before it, each up to a
/// newline, an endpoint's id text and a producer's event id. A body is in the payload's normal form.
///
/// # Panics
///
/// When that does not hold.
pub fn body(bytes: &[u8]) {
    let mut parts = bytes.splitn(3, |byte| *byte == b'\n');
    let mut text = || String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let (endpoint_id, given_id) = (text(), text());
    let Ok(payload) = normalise_object(parts.next().unwrap_or_default()) else { return };
    let event = EventView {
        id: Uuid::nil(),
        given_id: (!given_id.is_empty()).then_some(&given_id),
        event_type: "a.b",
        occurred_at: OffsetDateTime::UNIX_EPOCH,
        payload: payload.as_bytes(),
    };
    let delivery = DeliveryView { id: Uuid::nil(), endpoint_id: &endpoint_id, event };
    for contract in Contracts::built_in().iter() {
        let Ok(body) = contract.body(&delivery) else { panic!("no body can be written") };
        // What is as deep as a payload may be is one level deeper in a body.
        match normalise_object(&body) {
            Ok(normal) => assert_eq!(normal.as_bytes(), body),
            Err(error) => {
                assert!(matches!(error, JsonError::TooDeep { .. }), "{error}");
            }
        }
        let attempt = AttemptView { delivery, timestamp: 0, body: &body };
        assert!(contract.headers(&attempt, &[]).len() >= 2);
    }
}

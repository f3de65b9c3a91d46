//! What holds for every contract, whatever is delivered.

use super::sample::delivery;
use crate::contract::Contract;
use crate::contracts::Contracts;
use crate::json::normalise_object;
use crate::json::tests::generate::document;
use crate::key::SigningKey;
use crate::request::{AttemptView, DeliveryView, EventView};
use crate::verify::{Received, VerifyError};
use bytes::Bytes;
use proptest::prelude::*;
use proptest::sample::Index;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

const TOLERANCE: Duration = Duration::from_mins(5);

/// A signed request.
#[derive(Debug)]
struct Signed {
    contract: Arc<Contract>,
    key: SigningKey,
    timestamp: i64,
    headers: Vec<(String, Vec<u8>)>,
    body: Bytes,
}

impl Signed {
    fn verify(&self, key: &SigningKey) -> Result<(), VerifyError> {
        let headers: Vec<_> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let request = Received { headers: &headers, body: &self.body };
        let keys = std::slice::from_ref(key);
        self.contract.verify(&request, keys, self.timestamp, TOLERANCE).map(drop)
    }
}

prop_compose! {
    fn signed()(
        which in any::<Index>(),
        random in any::<[[u8; 32]; 2]>(),
        ids in any::<[u128; 2]>(),
        given_id in prop::option::of("[A-Za-z0-9_.-]{1,64}"),
        event_type in r"[A-Za-z0-9_-]{1,20}(\.[A-Za-z0-9_-]{1,20}){0,3}",
        endpoint_id in "[ -~é]{0,30}",
        // From the year 0 to the year 9999.
        happened in -62_167_219_200_i64..=253_402_300_799,
        timestamp in 0_i64..=253_402_300_799,
        payload in document(),
    ) -> Signed {
        let contracts = Contracts::built_in();
        let contracts: Vec<_> = contracts.iter().cloned().collect();
        let contract = Arc::clone(which.get(&contracts));
        let secret = contract.secret_from_random(random.concat().as_slice().try_into().unwrap());
        let key = contract.signing_key(&secret).unwrap();
        let payload = normalise_object(payload.as_bytes()).unwrap();
        let event = EventView {
            id: Uuid::from_u128(ids[0]),
            given_id: given_id.as_deref(),
            event_type: &event_type,
            occurred_at: OffsetDateTime::from_unix_timestamp(happened).unwrap(),
            payload: payload.as_bytes(),
        };
        let delivery =
            DeliveryView { id: Uuid::from_u128(ids[1]), endpoint_id: &endpoint_id, event };
        let body = contract.body(&delivery).unwrap();
        let attempt = AttemptView { delivery, timestamp, body: &body };
        let headers = contract.headers(&attempt, std::slice::from_ref(&key));
        let headers = headers
            .into_iter()
            .map(|header| (header.label.as_str().to_owned(), header.value.into_bytes()))
            .collect();
        Signed { contract, key, timestamp, headers, body }
    }
}

proptest! {
    #[test]
    fn what_is_signed_verifies(signed in signed()) {
        prop_assert_eq!(signed.verify(&signed.key), Ok(()));
    }

    #[test]
    fn a_body_is_its_own_normal_form(signed in signed()) {
        // A payload may be as deep as is accepted, and its body then is one level deeper.
        let normal = normalise_object(&signed.body);
        let normal = normal.map(crate::json::Normalised::into_bytes).unwrap_or(signed.body.clone());
        prop_assert_eq!(normal, signed.body);
    }

    #[test]
    fn another_body_does_not_verify(mut signed in signed(), place in any::<Index>(), to: u8) {
        let mut body = signed.body.to_vec();
        let at = place.index(body.len());
        prop_assume!(body[at] != to);
        body[at] = to;
        signed.body = body.into();
        prop_assert_eq!(signed.verify(&signed.key), Err(VerifyError::Differs));
    }

    #[test]
    fn another_secret_does_not_verify(signed in signed(), random in any::<[[u8; 32]; 2]>()) {
        let random = random.concat();
        let secret = signed.contract.secret_from_random(random.as_slice().try_into().unwrap());
        let other = signed.contract.signing_key(&secret).unwrap();
        prop_assert_eq!(signed.verify(&other), Err(VerifyError::Differs));
    }

    #[test]
    fn another_signature_does_not_verify(mut signed in signed(), place in any::<Index>(), to in b'!'..=b'~') {
        let labels = signed.contract.signature_headers().iter().map(|one| one.label.as_str());
        for label in labels {
            let header = signed.headers.iter_mut().find(|(name, _)| name == label).unwrap();
            let at = place.index(header.1.len());
            prop_assume!(header.1[at] != to);
            header.1[at] = to;
        }
        prop_assert!(signed.verify(&signed.key).is_err());
    }

    #[test]
    fn a_missing_header_does_not_verify(mut signed in signed()) {
        let label = signed.contract.signature_headers()[0].label.as_str();
        signed.headers.retain(|(name, _)| name != label);
        let missing = VerifyError::Missing(label.to_owned());
        prop_assert_eq!(signed.verify(&signed.key), Err(missing));
    }
}

/// Whatever headers say that is signed cannot be changed.
#[test]
fn another_id_or_timestamp_does_not_verify() {
    for (contract, header, other) in [
        ("standard-webhooks", "webhook-id", "msg_1"),
        ("standard-webhooks", "webhook-timestamp", "1001"),
        ("svix", "svix-id", "msg_1"),
        ("svix", "svix-timestamp", "1001"),
        ("slack", "X-Slack-Request-Timestamp", "1001"),
    ] {
        let contracts = Contracts::built_in();
        let contract = contracts.get(contract).unwrap();
        let keys = super::sample::keys_of(contract);
        let attempt = AttemptView { delivery: delivery(), timestamp: 1000, body: b"{}" };
        let headers = contract.headers(&attempt, &keys);
        let verify = |other: &str| {
            let headers: Vec<_> = headers
                .iter()
                .map(|one| {
                    let name = one.label.as_str();
                    (name, if name == header { other } else { &one.value }.as_bytes())
                })
                .collect();
            let request = Received { headers: &headers, body: b"{}" };
            contract.verify(&request, &keys, 1000, TOLERANCE).map(drop)
        };
        let own = headers.iter().find(|one| one.label.as_str() == header).unwrap().value.as_str();
        assert_eq!(verify(own), Ok(()), "{header}");
        assert_eq!(verify(other), Err(VerifyError::Differs), "{header}");
    }
}

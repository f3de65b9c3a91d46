//! The schemes' published vectors.

use crate::contract::tests::sample::key;
use crate::contracts::Contracts;
use crate::key::SigningKey;
use crate::template::Values;

/// A scheme's published example.
struct Vector {
    contract: &'static str,
    secret: &'static str,
    id: &'static str,
    timestamp: &'static str,
    body: &'static str,
    expected: &'static str,
}

/// The id of the specification's own example, and its time and body.
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const TIME: &str = "1614265330";
const BODY: &str = r#"{"test": 2432232314}"#;

const VECTORS: [Vector; 4] = [
    Vector {
        contract: "standard-webhooks",
        secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        id: ID,
        timestamp: TIME,
        body: BODY,
        expected: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    },
    Vector {
        contract: "standard-webhooks",
        secret: "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
        id: "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
        timestamp: "1649367553",
        body: r#"{"email":"test@example.com","username":"test_user"}"#,
        expected: "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
    },
    Vector {
        contract: "standard-webhooks",
        secret: "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==",
        id: ID,
        timestamp: TIME,
        body: BODY,
        expected: "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==",
    },
    Vector {
        contract: "github",
        secret: "It's a Secret to Everybody",
        id: "",
        timestamp: "",
        body: "Hello, World!",
        expected: "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
    },
];

#[test]
fn the_known_vectors_agree() {
    for vector in &VECTORS {
        assert_eq!(signed(vector, 0, &[vector_key(vector)]).as_deref(), Some(vector.expected));
    }
}

/// RFC 2202, test case 2, whose key is text.
#[test]
fn hmac_sha1_agrees() {
    let vector = Vector { secret: "Jefe", body: "what do ya want for nothing?", ..VECTORS[3] };
    let expected = "sha1=effcdf6ae5eb2fa2d27416d5f184df9c259a7c79";
    assert_eq!(signed(&vector, 1, &[vector_key(&vector)]).as_deref(), Some(expected));
}

/// RFC 4231, test case 2, whose key is text.
#[test]
fn hmac_sha512_agrees() {
    use crate::contract::tests::sample::{minimal_with, parse};
    let contract = parse(&minimal_with("hmac-sha256", "hmac-sha512"));
    let values = Values { body: b"what do ya want for nothing?", ..Values::default() };
    let keys = [key(&contract, "Jefe")];
    let value = contract.signature_headers()[0].sign(&values, &keys).unwrap().value;
    assert_eq!(
        value,
        concat!(
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554",
            "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"
        )
    );
}

#[test]
fn several_keys_sign_side_by_side() {
    let [one, two, ..] = &VECTORS;
    let value = signed(one, 0, &[vector_key(two), vector_key(one)]).unwrap();
    let (first, second) = value.split_once(' ').unwrap();
    assert!(first.starts_with("v1,") && first != one.expected);
    assert_eq!(second, one.expected);
}

fn vector_key(vector: &Vector) -> SigningKey {
    key(Contracts::built_in().get(vector.contract).unwrap(), vector.secret)
}

/// The value of the contract's signature header at this place.
fn signed(vector: &Vector, place: usize, keys: &[SigningKey]) -> Option<String> {
    let values = Values {
        delivery_id: vector.id,
        timestamp: vector.timestamp,
        body: vector.body.as_bytes(),
        ..Values::default()
    };
    let contracts = Contracts::built_in();
    let header = &contracts.get(vector.contract)?.signature_headers()[place];
    Some(header.sign(&values, keys)?.value)
}

//! Several valid secrets, and a second signature beside the first.

use super::sample::{delivery, keys_of, minimal_and, minimal_with, parse};
use crate::contract::Contract;
use crate::contracts::Contracts;
use crate::key::SigningKey;
use crate::request::AttemptView;
use crate::secret::SecretError;
use crate::verify::{Received, VerifyError};
use secrecy::SecretString;
use std::time::Duration;

/// The named header's value in a request that is signed with these keys.
fn sent(contract: &Contract, header: &str, keys: &[SigningKey]) -> Option<String> {
    let attempt = AttemptView { delivery: delivery(), timestamp: 1, body: b"{}" };
    let headers = contract.headers(&attempt, keys);
    headers.into_iter().find(|one| one.label.as_str() == header).map(|one| one.value)
}

#[test]
fn all_valid_secrets_sign_where_the_header_can_hold_them() {
    let contracts = Contracts::built_in();
    for (name, header, separator, head) in [
        ("standard-webhooks", "webhook-signature", " ", ""),
        ("svix", "svix-signature", " ", ""),
        ("stripe", "Stripe-Signature", ",", "t=1,"),
    ] {
        let contract = contracts.get(name).unwrap();
        let [one] = keys_of(contract);
        let two = contract.signing_key(&contract.secret_from_random(&[9; 64])).unwrap();
        let alone = |key: &SigningKey| {
            let value = sent(contract, header, std::slice::from_ref(key)).unwrap();
            value.strip_prefix(head).unwrap().to_owned()
        };
        let expected = [head, &alone(&one), separator, &alone(&two)].concat();
        assert_eq!(sent(contract, header, &[one, two]), Some(expected));
    }
}

#[test]
fn only_the_secret_in_force_signs_where_the_header_holds_one_signature() {
    let contracts = Contracts::built_in();
    for contract in contracts.iter().filter(|contract| !contract.signs_with_every_secret()) {
        let [one] = keys_of(contract);
        let two = contract.signing_key(&contract.secret_from_random(&[9; 64])).unwrap();
        for header in contract.signature_headers() {
            let header = header.label.as_str();
            let first = sent(contract, header, std::slice::from_ref(&one));
            assert_eq!(sent(contract, header, &[one.clone(), two.clone()]), first);
            assert_ne!(sent(contract, header, &[two.clone(), one.clone()]), first);
        }
    }
}

#[test]
fn hmac_and_ed25519_secrets_stand_in_one_header() {
    let contracts = Contracts::built_in();
    let contract = contracts.default_contract();
    let [hmac] = keys_of(contract);
    let ed25519 = SecretString::from(
        "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==",
    );
    let ed25519 = contract.signing_key(&ed25519).unwrap();
    let value = sent(contract, "webhook-signature", &[hmac.clone(), ed25519.clone()]).unwrap();
    let (first, second) = value.split_once(' ').unwrap();
    assert!(first.starts_with("v1,") && second.starts_with("v1a,"), "{value}");
    assert_eq!(contract.public_key(&hmac), None);
    let public = contract.public_key(&ed25519).unwrap();
    assert_eq!(public, "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=");
}

/// An old product that moves to Standard Webhooks: both signatures, each with a secret of its own.
fn migrating() -> Contract {
    let with_headers = minimal_with(
        r#"  { name = "X-Acme-Id", value = "{delivery.id}" },"#,
        r#"  { name = "webhook-id", value = "{delivery.id}" },
  { name = "webhook-timestamp", value = "{timestamp}" },"#,
    );
    let second = r#"
[[signatures]]
header = "webhook-signature"
content = "{delivery.id}.{timestamp}.{body}"
algorithm = "hmac-sha256"
encoding = "base64"
value = "v1,{signature}"
separator = " "
secret = "second"

[[second_secret]]
key = "base64"
prefix = "whsec_"
"#;
    parse(&(with_headers + second))
}

#[test]
fn a_second_signature_has_a_secret_of_its_own_form() {
    let contract = migrating();
    let first = contract.secret_from_random(&[1; 64]);
    let second = contract.second_secret_from_random(&[2; 64]).unwrap();
    assert!(contract.second_signing_key(&first).is_err());
    let first = contract.signing_key(&first).unwrap();
    let second = contract.second_signing_key(&second).unwrap();
    let keys = [first.clone(), second.clone()];
    let old = sent(&contract, "X-Acme-Signature", &keys).unwrap();
    let new = sent(&contract, "webhook-signature", &keys).unwrap();
    assert_eq!(old.len(), 64);
    assert!(new.starts_with("v1,") && !new.contains(' '), "{new}");
    assert_eq!(sent(&contract, "X-Acme-Signature", &[second]), None);
    assert_eq!(sent(&contract, "webhook-signature", &[first]), None);
}

#[test]
fn receivers_verify_the_signatures_whose_secret_they_have() {
    let contract = migrating();
    let first = contract.signing_key(&contract.secret_from_random(&[1; 64])).unwrap();
    let second = contract.second_secret_from_random(&[2; 64]).unwrap();
    let second = contract.second_signing_key(&second).unwrap();
    let keys = [first.clone(), second.clone()];
    let attempt = AttemptView { delivery: delivery(), timestamp: 1, body: b"{}" };
    let headers = contract.headers(&attempt, &keys);
    let mut headers: Vec<_> =
        headers.iter().map(|one| (one.label.as_str(), one.value.as_bytes())).collect();
    let verify = |headers: &[(&str, &[u8])], keys: &[SigningKey]| {
        contract.verify(&Received { headers, body: b"{}" }, keys, 1, Duration::ZERO)
    };
    assert!(verify(&headers, &keys).is_ok());
    assert!(verify(&headers, &[first]).is_ok());
    assert!(verify(&headers, std::slice::from_ref(&second)).is_ok());
    headers.retain(|(name, _)| *name != "webhook-signature");
    let missing = VerifyError::Missing("webhook-signature".to_owned());
    assert_eq!(verify(&headers, &keys), Err(missing));
}

#[test]
fn a_header_for_another_algorithm_is_not_missed() {
    let ed25519 = r#"
[[signatures]]
header = "X-Acme-Ed25519"
content = "{body}"
algorithm = "ed25519"
encoding = "base64"
value = "{signature}"
"#;
    let both = minimal_and(ed25519).replace(
        "key = \"text\"",
        "key = \"ed25519\"\nprefix = \"sk_\"\npublic_prefix = \"pk_\"\n\n[[secret]]\nkey = \"text\"",
    );
    let contract = parse(&both);
    let hmac = contract.signing_key(&SecretString::from("any")).unwrap();
    let [ed25519] = keys_of(&contract);
    for (key, header) in [(hmac, "X-Acme-Signature"), (ed25519, "X-Acme-Ed25519")] {
        let keys = [key];
        let value = sent(&contract, header, &keys).unwrap();
        let headers = [(header, value.as_bytes())];
        let request = Received { headers: &headers, body: b"{}" };
        assert!(contract.verify(&request, &keys, 0, Duration::ZERO).is_ok(), "{header}");
        let expected = contract.expected_signature(&request, &keys[0]).unwrap();
        assert_eq!(expected, (header, value));
    }
}

#[test]
fn most_contracts_have_no_second_secret() {
    let contract = parse(&minimal_and(""));
    assert!(contract.second_secret_from_random(&[0; 64]).is_none());
    let secret = SecretString::from("s");
    assert_eq!(contract.second_signing_key(&secret).unwrap_err(), SecretError::NoSecond);
}

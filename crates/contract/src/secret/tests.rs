//! The borders of each form of secret.

use super::SecretError;
use crate::contract::Contract;
use crate::contract::tests::sample::parse;
use crate::contracts::Contracts;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;
use std::sync::Arc;

fn contract(name: &str) -> Arc<Contract> {
    Arc::clone(Contracts::built_in().get(name).unwrap())
}

fn refusal(contract: &Contract, secret: &str) -> Option<SecretError> {
    contract.signing_key(&SecretString::from(secret)).err()
}

#[test]
fn a_base64_secret_holds_so_many_bytes() {
    let standard = contract("standard-webhooks");
    let length = SecretError::Length { min: 24, max: 64 };
    for (bytes, expected) in
        [(23, Some(length.clone())), (24, None), (64, None), (65, Some(length))]
    {
        let secret = format!("whsec_{}", STANDARD.encode(vec![1; bytes]));
        assert_eq!(refusal(&standard, &secret), expected, "{bytes} bytes");
    }
    let prefix = SecretError::Prefix("whsec_ or whsk_".to_owned());
    assert_eq!(refusal(&standard, "secret"), Some(prefix));
    let base64 = SecretError::Base64("whsec_".to_owned());
    assert_eq!(refusal(&standard, "whsec_*"), Some(base64));
}

#[test]
fn a_text_secret_is_taken_as_it_is() {
    for name in ["patra", "attribution", "leads", "cathcr", "platform", "github", "stripe"] {
        let contract = contract(name);
        for secret in ["x", "your_webhook_secret", "whsec_*", "Ünï & ß", &"x".repeat(256)] {
            assert_eq!(refusal(&contract, secret), None, "{name} {secret}");
        }
        let length = Some(SecretError::Length { min: 1, max: 256 });
        assert_eq!(refusal(&contract, ""), length);
        assert_eq!(refusal(&contract, &"x".repeat(257)), length);
        assert_eq!(refusal(&contract, "a\nb"), Some(SecretError::Control));
    }
}

#[test]
fn an_ed25519_secret_is_a_seed_or_a_pair_that_belongs_together() {
    let standard = contract("standard-webhooks");
    let pair = *crate::key::ed25519_pair(&[7; 32]);
    let whsk = |bytes: &[u8]| format!("whsk_{}", STANDARD.encode(bytes));
    assert_eq!(refusal(&standard, &whsk(&pair)), None);
    assert_eq!(refusal(&standard, &whsk(&pair[..32])), None);
    let mut other = pair;
    other[32..].copy_from_slice(&crate::key::ed25519_pair(&[8; 32])[32..]);
    for bytes in [&other[..], &pair[..31], &pair[..33], &[]] {
        assert_eq!(refusal(&standard, &whsk(bytes)), Some(SecretError::Ed25519), "{bytes:?}");
    }
}

#[test]
fn a_contract_may_generate_ed25519_secrets() {
    let file = crate::contract::tests::sample::minimal()
        .replace("hmac-sha256", "ed25519")
        .replace("key = \"text\"", "key = \"ed25519\"\nprefix = \"sk_\"\npublic_prefix = \"pk_\"");
    let contract = parse(&file);
    let secret = contract.secret_from_random(&[3; 64]);
    let key = contract.signing_key(&secret).unwrap();
    assert!(contract.public_key(&key).unwrap().starts_with("pk_"));
}

#[test]
fn debug_shows_no_key() {
    let contract = contract("github");
    let secret = SecretString::from("It's a Secret to Everybody");
    let shown = format!(
        "{:?} {:?}",
        contract.signing_key(&secret).unwrap(),
        contract.verifying_key(&secret).unwrap()
    );
    assert_eq!(shown, "SigningKey VerifyingKey(Secret(SigningKey))");
}

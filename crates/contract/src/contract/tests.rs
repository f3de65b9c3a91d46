//! What a contract file promises, and that it is kept: the built-in contracts against a table of
//! their own, whatever is signed verifies, whatever is wrong in a file is found.

mod digest;
mod guide;
mod promises;
mod properties;
mod refusals;
pub(crate) mod sample;
mod several;

use super::*;
use crate::contracts::{BUILT_IN, Contracts, SameName};
use crate::header::Header;
use crate::secret::MAX_RANDOM_BYTES;
use sample::{keys_of, minimal};
use secrecy::ExposeSecret as _;

#[test]
fn every_built_in_file_is_right_and_named_after_its_contract() {
    for (file, text) in BUILT_IN {
        let contract = Contract::parse(file, text).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(file, format!("contracts/{}.toml", contract.name()));
        assert_eq!(contract.source().as_ref(), text);
        assert!(!contract.catalogue().is_empty(), "{file} has nothing to test an endpoint with");
    }
    assert_eq!(Contracts::built_in().default_contract().name(), DEFAULT_CONTRACT);
}

#[test]
fn every_built_in_contract_is_shipped() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../contracts");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| format!("contracts/{}", entry.unwrap().file_name().display()))
        .collect();
    let mut built_in: Vec<_> = BUILT_IN.iter().map(|(file, _)| (*file).to_owned()).collect();
    files.sort();
    built_in.sort();
    assert_eq!(files, built_in);
}

#[test]
fn own_contracts_are_added_under_names_of_their_own() {
    let own = |name: &str| Contract::parse("own.toml", &minimal().replace("acme", name)).unwrap();
    let all = Contracts::built_in().with([own("acme"), own("acme-2")]).unwrap();
    assert_eq!(all.iter().count(), BUILT_IN.len() + 2);
    assert_eq!(all.get("acme-2").unwrap().name(), "acme-2");
    assert_eq!(all.default_contract().name(), DEFAULT_CONTRACT);
    for name in ["acme", "github"] {
        assert_eq!(all.with([own(name)]).unwrap_err(), SameName(name.to_owned()));
    }
}

#[test]
fn generated_secrets_are_accepted_by_their_own_rule() {
    for contract in Contracts::built_in().iter() {
        for fill in [0, 1, 0x7f, 0xff] {
            let secret = contract.secret_from_random(&[fill; MAX_RANDOM_BYTES]);
            contract.signing_key(&secret).unwrap();
        }
    }
}

#[test]
fn the_headers_that_are_sent_are_those_that_are_named() {
    for contract in Contracts::built_in().iter() {
        let request = contract
            .example_request("a.b", &keys_of(contract), time::OffsetDateTime::UNIX_EPOCH)
            .unwrap();
        let sent: Vec<_> = request.headers.iter().map(|header| header.label).collect();
        assert_eq!(sent, contract.header_labels().collect::<Vec<_>>());
        for label in contract.header_labels() {
            assert!(contract.sets_header(&label.as_str().to_ascii_uppercase()));
        }
        assert!(!contract.sets_header("x-own"));
    }
}

#[test]
fn a_request_without_a_fitting_key_has_no_signature() {
    let contracts = Contracts::built_in();
    for contract in contracts.iter() {
        let request =
            contract.example_request("a.b", &[], time::OffsetDateTime::UNIX_EPOCH).unwrap();
        let signed = contract
            .signature_headers()
            .iter()
            .any(|signature| request.headers.iter().any(|header| *header.label == signature.label));
        assert!(!signed, "{}", contract.name());
    }
}

#[test]
fn the_published_verifier_accepts_our_headers() {
    let contracts = Contracts::built_in();
    let contract = contracts.default_contract();
    let secret = contract.secret_from_random(&[3; MAX_RANDOM_BYTES]);
    // Its tolerance is against the wall clock.
    let since_1970 = std::time::UNIX_EPOCH.elapsed().expect("a clock after 1970");
    let now = time::OffsetDateTime::UNIX_EPOCH + since_1970;
    let keys = [contract.signing_key(&secret).unwrap()];
    let request = contract.example_request("contact.created", &keys, now).unwrap();
    let typed = |header: &Header<'_>| (header.label.name().clone(), header.value.parse().unwrap());
    let mut headers: http::HeaderMap = request.headers.iter().map(typed).collect();
    let verifier = standardwebhooks::Webhook::new(secret.expose_secret()).unwrap();
    verifier.verify(&request.body, &headers).unwrap();
    headers.insert("webhook-id", "msg_other".parse().unwrap());
    assert!(verifier.verify(&request.body, &headers).is_err());
}

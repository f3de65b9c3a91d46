//! A request as a receiver would get it, for people: the contract's own example, signed with a secret
//! that is shown beside it.

use super::ContractCommandError;
use crate::clock;
use postrider_contract::{CataloguedEvent, Contract, SecretError, SigningKey};
use secrecy::{ExposeSecret as _, SecretString};
use std::fmt::Write as _;

/// The type of the example of a contract that names no events.
const ANY_EVENT: &str = "example.happened";

/// The request for an event of this type, or else of the first that the contract names.
pub(super) fn shown(
    contract: &Contract,
    event: Option<&str>,
) -> Result<String, ContractCommandError> {
    let event_type = match event {
        Some(given) if contract.catalogued(given).is_none() => {
            return Err(ContractCommandError::NoSuchEvent(given.to_owned()));
        }
        Some(given) => given,
        None => contract.catalogue().first().map_or(ANY_EVENT, CataloguedEvent::event_type),
    };
    let secrets = Secrets::new(contract)?;
    let request = contract.example_request(event_type, &secrets.keys, clock::now())?;
    let mut text = String::from("POST /hook HTTP/1.1\n");
    for header in &request.headers {
        line(&mut text, header.label.as_str(), &header.value);
    }
    line(&mut text, "Content-Length", &request.body.len().to_string());
    let _ = writeln!(text, "\n{}\n", String::from_utf8_lossy(&request.body));
    for (which, secret) in secrets.shown {
        let _ = writeln!(text, "{which}: {}", secret.expose_secret());
    }
    Ok(text)
}

/// What the example is signed with.
struct Secrets {
    keys: Vec<SigningKey>,
    /// The secrets that the keys are taken from, each with what it is.
    shown: Vec<(&'static str, SecretString)>,
}

impl Secrets {
    /// New ones in the contract's form.
    fn new(contract: &Contract) -> Result<Self, SecretError> {
        let secret = contract.secret_from_random(&rand::random());
        let mut keys = vec![contract.signing_key(&secret)?];
        let mut shown = vec![("signed with the secret", secret)];
        if let Some(second) = contract.second_secret_from_random(&rand::random()) {
            keys.push(contract.second_signing_key(&second)?);
            shown.push(("and with the second secret", second));
        }
        Ok(Self { keys, shown })
    }
}

fn line(text: &mut String, name: &str, value: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "{name}: {value}");
}

//! From a contract file's text to a contract, or to everything that is wrong with it.

mod delivery;

use super::Contract;
use crate::api::ManagementApi;
use crate::body::BodyRule;
use crate::catalogue::{CataloguedEvent, check_description};
use crate::digest;
use crate::file::{self, File};
use crate::header::{HeaderLabel, HeaderRule, is_sendable};
use crate::ids::IdPrefixes;
use crate::key::Slot;
use crate::problems::{ContractErrors, Problems};
use crate::rate_limit::RateWindow;
use crate::secret::SecretRule;
use crate::signature::{self, Entry, Secrets, SignatureHeader};
use crate::template::Template;
use http::header;
use toml::Spanned;

/// The longest name, in characters.
const MAX_NAME_LEN: usize = 64;
const DEFAULT_CONTENT_TYPE: &str = "application/json";
const DEFAULT_USER_AGENT: &str = concat!("Postrider/", env!("CARGO_PKG_VERSION"));

impl Contract {
    /// Reads a contract file. `file_name` is only for messages.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, each with its line. What is no TOML, or has a key too many, too few
    /// or of the wrong type, hides the rest.
    pub fn parse(file_name: &str, text: &str) -> Result<Self, ContractErrors> {
        let mut problems = Problems::of(file_name, text);
        let contract = match file(text) {
            Ok(file) => read(&mut problems, text, file),
            Err((key, error)) => {
                problems.add(error.span().unwrap_or(0..0), key, error.message());
                None
            }
        };
        problems.finish(contract)
    }
}

/// Reads the file's form; an error with the key that it is about, if it is about one.
fn file(text: &str) -> Result<File, (String, toml::de::Error)> {
    let toml = toml::Deserializer::parse(text).map_err(|error| (String::new(), error))?;
    serde_path_to_error::deserialize(toml).map_err(|error| {
        let path: Vec<_> = error.path().iter().map(ToString::to_string).collect();
        // A value whose place is kept is to serde a structure of its own.
        let keys = path.iter().filter(|key| !key.starts_with('$'));
        let key = keys.fold(String::new(), |path, key| match key.starts_with('[') {
            _ if path.is_empty() => key.clone(),
            true => path + key,
            false => path + "." + key,
        });
        (key, error.into_inner())
    })
}

/// What is sent.
struct Request {
    content_type: HeaderRule,
    user_agent: HeaderRule,
    headers: Vec<HeaderRule>,
    body: Option<BodyRule>,
}

/// What is signed, and with which secrets.
struct Signing {
    signatures: Vec<SignatureHeader>,
    secret: SecretRule,
    second_secret: Option<SecretRule>,
}

fn read(problems: &mut Problems<'_>, text: &str, file: File) -> Option<Contract> {
    check_name(problems, &file.name);
    check_description(problems, "description", &file.description);
    let ids = IdPrefixes::read(problems, &file.ids);
    let rate_limit = RateWindow::read_all(problems, &file.endpoint.rate_limit);
    let request = read_request(problems, &file.request);
    let signing = read_signing(problems, &file, &request.headers);
    let delivery = delivery::read(problems, &file.delivery);
    let api = match &file.api {
        None => Some(ManagementApi::native()),
        Some(api) => ManagementApi::read(problems, api),
    };
    let catalogue = CataloguedEvent::read_all(problems, &file.events);
    let (signing, delivery) = (signing?, delivery?);
    Some(Contract {
        name: file.name.get_ref().clone(),
        description: file.description.get_ref().clone(),
        source: text.into(),
        ids: ids?,
        https_only: file.endpoint.https_only,
        rate_limit,
        carries_trace_context: file.request.traceparent.unwrap_or(false),
        digest: digest::of(file),
        content_type: request.content_type,
        user_agent: request.user_agent,
        headers: request.headers,
        body: request.body?,
        signatures: signing.signatures,
        secret: signing.secret,
        second_secret: signing.second_secret,
        timeout: delivery.timeout,
        success: delivery.success,
        schedule: delivery.schedule,
        backoff: delivery.backoff,
        jitter: delivery.jitter,
        after_last: delivery.after_last,
        api: api?,
        catalogue,
    })
}

fn check_name(problems: &mut Problems<'_>, name: &file::Text) {
    let given = name.get_ref();
    let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let plain = !given.is_empty() && given.len() <= MAX_NAME_LEN && given.chars().all(known);
    if !plain || given.starts_with('-') || given.ends_with('-') {
        let reason = "must be a-z, 0-9 and '-' between them, 64 characters at most";
        problems.add(name.span(), "name", reason);
    }
}

fn read_request(problems: &mut Problems<'_>, given: &file::Request) -> Request {
    let mut fixed =
        |key: &str, name: header::HeaderName, shown, value: &Option<file::Text>, default| {
            if let Some(value) = value {
                is_sendable(problems, key, value);
            }
            let value = value.as_ref().map_or(default, |value| value.get_ref().as_str());
            HeaderRule { label: HeaderLabel::fixed(shown, name), value: Template::fixed(value) }
        };
    let content_type = fixed(
        "request.content_type",
        header::CONTENT_TYPE,
        "Content-Type",
        &given.content_type,
        DEFAULT_CONTENT_TYPE,
    );
    let user_agent = fixed(
        "request.user_agent",
        header::USER_AGENT,
        "User-Agent",
        &given.user_agent,
        DEFAULT_USER_AGENT,
    );
    let headers = HeaderRule::read_all(problems, &given.headers);
    let body = BodyRule::read(problems, &given.body);
    Request { content_type, user_agent, headers, body }
}

fn read_signing(
    problems: &mut Problems<'_>,
    file: &File,
    headers: &[HeaderRule],
) -> Option<Signing> {
    let secret = read_secret(problems, "secret", &file.secret);
    let second_secret = match file.second_secret.as_slice() {
        [] => Some(None),
        given => read_secret(problems, "second_secret", given).map(Some),
    };
    let secrets = Secrets {
        first: secret.as_ref(),
        second: second_secret.as_ref().and_then(Option::as_ref),
        has_second: !file.second_secret.is_empty(),
    };
    if file.signatures.is_empty() {
        problems.add(0..0, "signatures", "must have one: an unsigned request proves nothing");
    }
    let signatures = signature::read_all(problems, &file.signatures, headers, secrets);
    check_labels(problems, file);
    let entries: Vec<_> = signatures.iter().flat_map(|header| &header.entries).collect();
    // A signature that could not be read may be the one.
    if entries.len() == file.signatures.len() {
        let (first, second) = (secrets.first, secrets.second);
        check_use(problems, ("secret", Slot::First), &file.secret, first, &entries);
        check_use(problems, ("second_secret", Slot::Second), &file.second_secret, second, &entries);
    }
    Some(Signing { signatures, secret: secret?, second_secret: second_secret? })
}

fn read_secret(
    problems: &mut Problems<'_>,
    table: &str,
    given: &[Spanned<file::SecretForm>],
) -> Option<SecretRule> {
    if given.is_empty() {
        problems.add(0..0, table, "must have one form");
        return None;
    }
    SecretRule::read(problems, table, given)
}

/// No header may stand twice, in whatever case.
fn check_labels(problems: &mut Problems<'_>, file: &File) {
    let mut names: Vec<String> = Vec::new();
    let signed = file.signatures.iter().map(|signature| &signature.get_ref().header);
    let signed =
        signed.enumerate().map(|(place, name)| (format!("signatures[{place}].header"), name));
    let plain = file.request.headers.iter().enumerate();
    let plain = plain.map(|(place, one)| (format!("request.headers[{place}].name"), &one.name));
    for (key, name) in plain {
        let lower = name.get_ref().to_ascii_lowercase();
        if names.contains(&lower) {
            problems.add(name.span(), key, "the header is there twice");
        }
        names.push(lower);
    }
    for (key, name) in signed {
        if names.contains(&name.get_ref().to_ascii_lowercase()) {
            problems.add(name.span(), key, "the header is among request.headers, too");
        }
    }
}

/// A secret that signs nothing would only look as if it did.
fn check_use(
    problems: &mut Problems<'_>,
    (table, slot): (&str, Slot),
    given: &[Spanned<file::SecretForm>],
    rule: Option<&SecretRule>,
    entries: &[&Entry],
) {
    let forms = rule.map_or(&[][..], |rule| rule.0.as_slice());
    for (place, (form, at)) in forms.iter().zip(given).enumerate() {
        let fits = |entry: &&Entry| entry.slot == slot && form.key.fits(entry.algorithm);
        if !entries.iter().any(fits) {
            let reason = "no signature uses a secret of this form";
            problems.add(at.span(), format!("{table}[{place}]"), reason);
        }
    }
}

//! Signatures as a contract file says them. A signature is refused that no receiver could verify: one
//! that does not cover the body, or covers what no header tells.

use super::{Algorithm, Entry, SignatureHeader};
use crate::file;
use crate::header::{HeaderLabel, HeaderRule, is_sendable, read_value};
use crate::key::Slot;
use crate::problems::Problems;
use crate::secret::{Encoding, KeyForm, SecretRule};
use crate::template::{Template, Variable};
use toml::Spanned;

const ALGORITHMS: [(&str, Algorithm); 4] = [
    ("hmac-sha1", Algorithm::HmacSha1),
    ("hmac-sha256", Algorithm::HmacSha256),
    ("hmac-sha512", Algorithm::HmacSha512),
    ("ed25519", Algorithm::Ed25519),
];
const ENCODINGS: [(&str, Encoding); 2] = [("hex", Encoding::Hex), ("base64", Encoding::Base64)];
const SLOTS: [(&str, Slot); 2] = [("first", Slot::First), ("second", Slot::Second)];
const SIGNED: [Variable; 4] =
    [Variable::DeliveryId, Variable::DeliveryUuid, Variable::Timestamp, Variable::Body];
const IN_PREFIX: [Variable; 3] =
    [Variable::DeliveryId, Variable::DeliveryUuid, Variable::Timestamp];

/// The contract's secrets, as far as signatures depend on them.
#[derive(Clone, Copy)]
pub(crate) struct Secrets<'a> {
    /// `None` if it could not be read.
    pub(crate) first: Option<&'a SecretRule>,
    pub(crate) second: Option<&'a SecretRule>,
    /// Whether there is a second one, readable or not.
    pub(crate) has_second: bool,
}

/// One entry with the header that it belongs to.
struct Read {
    label: HeaderLabel,
    prefix: Template,
    separator: Option<char>,
    entry: Entry,
}

/// Reads all signatures and puts those of one header together.
pub(crate) fn read_all(
    problems: &mut Problems<'_>,
    given: &[Spanned<file::Signature>],
    headers: &[HeaderRule],
    secrets: Secrets<'_>,
) -> Vec<SignatureHeader> {
    let mut all: Vec<SignatureHeader> = Vec::new();
    for (place, signature) in given.iter().enumerate() {
        let at = format!("signatures[{place}]");
        let Some(read) = read(problems, &at, signature.get_ref()) else { continue };
        check_content(problems, &at, signature.get_ref(), &read, headers);
        check_secret(problems, &at, signature.get_ref(), &read.entry, secrets);
        let Read { label, prefix, separator, entry } = read;
        match all.iter_mut().find(|header| header.label.name() == label.name()) {
            None => all.push(SignatureHeader { label, prefix, separator, entries: vec![entry] }),
            Some(header) if separator.is_some() && header.separator == separator => {
                if header.prefix != prefix {
                    let reason = "differs from that of the other signature in this header";
                    problems.add(signature.span(), format!("{at}.prefix"), reason);
                }
                header.entries.push(entry);
            }
            Some(_) => {
                let reason = "another signature has this header; both need the same separator";
                problems.add(signature.get_ref().header.span(), format!("{at}.header"), reason);
            }
        }
    }
    all
}

fn read(problems: &mut Problems<'_>, at: &str, given: &file::Signature) -> Option<Read> {
    let label = HeaderLabel::read(problems, &format!("{at}.header"), &given.header);
    let content = Template::parse(given.content.get_ref(), &SIGNED);
    let content = problems.take(&given.content, format!("{at}.content"), content);
    let algorithm =
        problems.choose(&given.algorithm, format!("{at}.algorithm"), "algorithm", &ALGORITHMS);
    let encoding =
        problems.choose(&given.encoding, format!("{at}.encoding"), "encoding", &ENCODINGS);
    let value = read_element(problems, &format!("{at}.value"), &given.value);
    let prefix = match &given.prefix {
        None => Some(Template::default()),
        Some(prefix) => read_value(problems, &format!("{at}.prefix"), prefix, &IN_PREFIX),
    };
    let separator = match &given.separator {
        None => Some(None),
        Some(text) => {
            read_separator(problems, &format!("{at}.separator"), text, &given.value).map(Some)
        }
    };
    let slot = match &given.secret {
        None => Some(Slot::First),
        Some(word) => problems.choose(word, format!("{at}.secret"), "secret", &SLOTS),
    };
    let (before, after) = value?;
    let entry = Entry {
        slot: slot?,
        content: content?,
        algorithm: algorithm?,
        encoding: encoding?,
        before,
        after,
    };
    Some(Read { label: label?, prefix: prefix?, separator: separator?, entry })
}

/// What stands around one signature.
fn read_element(
    problems: &mut Problems<'_>,
    key: &str,
    given: &file::Text,
) -> Option<(String, String)> {
    let template = Template::parse(given.get_ref(), &[Variable::Signature]);
    let template = problems.take(given, key, template)?;
    if template.variables().count() != 1 {
        problems.add(given.span(), key, "must have {signature} in it, once");
        return None;
    }
    let (before, after) = template.around();
    is_sendable(problems, key, given).then(|| (before.to_owned(), after.to_owned()))
}

/// One character that is in no signature, nor in what stands around one.
fn read_separator(
    problems: &mut Problems<'_>,
    key: &str,
    given: &file::Text,
    value: &file::Text,
) -> Option<char> {
    let mut chars = given.get_ref().chars();
    let separator = match (chars.next(), chars.next()) {
        (Some(' '), None) => Some(' '),
        (Some(c), None) if c.is_ascii_punctuation() && !"+/=".contains(c) => Some(c),
        _ => None,
    };
    if separator.is_none() {
        let reason = "must be a space or one punctuation mark that is not in base64";
        problems.add(given.span(), key, reason);
    }
    if separator.is_some_and(|separator| value.get_ref().contains(separator)) {
        problems.add(given.span(), key, "must not stand in value");
    }
    separator
}

/// A receiver must be able to rebuild what was signed.
fn check_content(
    problems: &mut Problems<'_>,
    at: &str,
    given: &file::Signature,
    read: &Read,
    headers: &[HeaderRule],
) {
    let key = format!("{at}.content");
    let span = given.content.span();
    if read.entry.content.variables().filter(|one| *one == Variable::Body).count() != 1 {
        problems.add(span.clone(), key.clone(), "must have {body} in it, once");
    }
    let told = |variable| {
        variable == Variable::Body
            || read.prefix.tells(variable)
            || headers.iter().any(|header| header.value.tells(variable))
    };
    for variable in read.entry.content.variables().filter(|variable| !told(*variable)) {
        let name = variable.name();
        let reason = format!("no header tells receivers the {{{name}}} that is signed");
        problems.add(span.clone(), key.clone(), reason);
    }
}

/// Some form of the secret must hold a key for the algorithm.
fn check_secret(
    problems: &mut Problems<'_>,
    at: &str,
    given: &file::Signature,
    entry: &Entry,
    secrets: Secrets<'_>,
) {
    let rule = match entry.slot {
        Slot::First => secrets.first,
        Slot::Second => secrets.second,
    };
    if entry.slot == Slot::Second && !secrets.has_second {
        let span = given.secret.as_ref().map_or_else(|| given.header.span(), Spanned::span);
        problems.add(span, format!("{at}.secret"), "there is no [[second_secret]]");
    }
    let Some(rule) = rule else { return };
    if !rule.0.iter().any(|form| form.key.fits(entry.algorithm)) {
        let (algorithm, forms) = (
            given.algorithm.get_ref(),
            match entry.algorithm {
                Algorithm::Ed25519 => "\"ed25519\"",
                _ => "\"text\" or \"base64\"",
            },
        );
        let reason = format!("{algorithm} needs a secret with key = {forms}, and there is none");
        problems.add(given.algorithm.span(), format!("{at}.algorithm"), reason);
    }
}

impl KeyForm {
    /// Whether a key of this form can be used with the algorithm.
    pub(crate) fn fits(&self, algorithm: Algorithm) -> bool {
        matches!(self, Self::Ed25519 { .. }) == (algorithm == Algorithm::Ed25519)
    }
}

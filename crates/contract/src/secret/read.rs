//! The forms of secrets as a contract file says them.

use super::{Encoding, KeyForm, MAX_RANDOM_BYTES, SecretForm, SecretRule};
use crate::file;
use crate::problems::Problems;
use std::ops::RangeInclusive;
use toml::Spanned;

/// The longest prefix, in characters.
const MAX_PREFIX_LEN: usize = 24;
/// A generated secret cannot be guessed.
const MIN_RANDOM_BYTES: i64 = 16;
/// The most bytes that a key may have.
const MAX_KEY_BYTES: i64 = 1024;

#[derive(Clone, Copy)]
enum KeyKind {
    Text,
    Base64,
    Ed25519,
}

impl SecretRule {
    /// `table` is `secret` or `second_secret`.
    pub(crate) fn read(
        problems: &mut Problems<'_>,
        table: &str,
        given: &[Spanned<file::SecretForm>],
    ) -> Option<Self> {
        let mut forms: Vec<SecretForm> = Vec::new();
        for (place, form) in given.iter().enumerate() {
            let at = format!("{table}[{place}]");
            let read = read_form(problems, &at, form)?;
            if forms.iter().any(|earlier| earlier.may_be(&read.prefix)) {
                let reason = "no secret could be of this form: an earlier one takes them all";
                problems.add(form.span(), at, reason);
            }
            forms.push(read);
        }
        Some(Self(forms))
    }
}

fn read_form(
    problems: &mut Problems<'_>,
    at: &str,
    form: &Spanned<file::SecretForm>,
) -> Option<SecretForm> {
    let kinds =
        [("text", KeyKind::Text), ("base64", KeyKind::Base64), ("ed25519", KeyKind::Ed25519)];
    let given = form.get_ref();
    let kind = problems.choose(&given.key, format!("{at}.key"), "key", &kinds)?;
    let prefix = match (&given.prefix, kind) {
        (Some(prefix), _) => read_prefix(problems, &format!("{at}.prefix"), prefix)?,
        (None, KeyKind::Text) => String::new(),
        (None, _) => {
            let reason = "must have a prefix, by which secrets of this form are known";
            problems.add(form.span(), at, reason);
            return None;
        }
    };
    let key = match kind {
        KeyKind::Text => read_text(problems, at, form, &prefix)?,
        KeyKind::Base64 => read_base64(problems, at, form)?,
        KeyKind::Ed25519 => read_ed25519(problems, at, form)?,
    };
    Some(SecretForm { prefix, key })
}

fn read_text(
    problems: &mut Problems<'_>,
    at: &str,
    form: &Spanned<file::SecretForm>,
    prefix: &str,
) -> Option<KeyForm> {
    let given = form.get_ref();
    refuse(problems, at, "public_prefix", given.public_prefix.as_ref());
    let encodings = [("hex", Encoding::Hex), ("base64", Encoding::Base64)];
    let encoding = match &given.encoding {
        None => Encoding::Hex,
        Some(word) => problems.choose(word, format!("{at}.encoding"), "encoding", &encodings)?,
    };
    let random_bytes = read_random(problems, at, given, 32)?;
    let bytes = read_sizes(problems, at, form, 1, 256)?;
    let generated = prefix.len() + encoding.encode(&[0; MAX_RANDOM_BYTES][..random_bytes]).len();
    check_generated(problems, at, form, generated, &bytes);
    Some(KeyForm::Text { encoding, random_bytes, bytes })
}

fn read_base64(
    problems: &mut Problems<'_>,
    at: &str,
    form: &Spanned<file::SecretForm>,
) -> Option<KeyForm> {
    let given = form.get_ref();
    refuse(problems, at, "encoding", given.encoding.as_ref());
    refuse(problems, at, "public_prefix", given.public_prefix.as_ref());
    let random_bytes = read_random(problems, at, given, 24)?;
    let bytes = read_sizes(problems, at, form, 24, 64)?;
    check_generated(problems, at, form, random_bytes, &bytes);
    Some(KeyForm::Base64 { random_bytes, bytes })
}

fn read_ed25519(
    problems: &mut Problems<'_>,
    at: &str,
    form: &Spanned<file::SecretForm>,
) -> Option<KeyForm> {
    let file::SecretForm { encoding, random_bytes, min_bytes, max_bytes, .. } = form.get_ref();
    refuse(problems, at, "encoding", encoding.as_ref());
    refuse(problems, at, "random_bytes", random_bytes.as_ref());
    refuse(problems, at, "min_bytes", min_bytes.as_ref());
    refuse(problems, at, "max_bytes", max_bytes.as_ref());
    let Some(prefix) = &form.get_ref().public_prefix else {
        problems.add(form.span(), at, "must have a public_prefix, which public keys start with");
        return None;
    };
    let public_prefix = read_prefix(problems, &format!("{at}.public_prefix"), prefix)?;
    Some(KeyForm::Ed25519 { public_prefix })
}

fn read_random(
    problems: &mut Problems<'_>,
    at: &str,
    given: &file::SecretForm,
    default: usize,
) -> Option<usize> {
    let Some(bytes) = &given.random_bytes else { return Some(default) };
    let range = MIN_RANDOM_BYTES..=i64::try_from(MAX_RANDOM_BYTES).unwrap_or(i64::MAX);
    problems.whole(bytes, format!("{at}.random_bytes"), range, " bytes")
}

fn read_sizes(
    problems: &mut Problems<'_>,
    at: &str,
    form: &Spanned<file::SecretForm>,
    min: usize,
    max: usize,
) -> Option<RangeInclusive<usize>> {
    let mut read = |key: &str, given: &Option<file::Whole>, default| match given {
        None => Some(default),
        Some(bytes) => problems.whole(bytes, format!("{at}.{key}"), 1..=MAX_KEY_BYTES, " bytes"),
    };
    let file::SecretForm { min_bytes, max_bytes, .. } = form.get_ref();
    let (min, max) = (read("min_bytes", min_bytes, min), read("max_bytes", max_bytes, max));
    let range = min?..=max?;
    if range.is_empty() {
        problems.add(form.span(), at, "min_bytes is more than max_bytes");
        return None;
    }
    Some(range)
}

fn check_generated(
    problems: &mut Problems<'_>,
    at: &str,
    form: &Spanned<file::SecretForm>,
    generated: usize,
    bytes: &RangeInclusive<usize>,
) {
    if !bytes.contains(&generated) {
        let (min, max) = (bytes.start(), bytes.end());
        let reason = format!("would generate {generated} bytes and accepts only {min} to {max}");
        problems.add(form.span(), at, reason);
    }
}

fn read_prefix(problems: &mut Problems<'_>, key: &str, given: &file::Text) -> Option<String> {
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let text = given.get_ref();
    if text.is_empty() || text.len() > MAX_PREFIX_LEN || !text.chars().all(known) {
        let reason = "must be letters, digits, '_' and '-', 24 at most";
        problems.add(given.span(), key, reason);
        return None;
    }
    Some(text.clone())
}

/// Notes that a key means nothing for this kind of key.
fn refuse<T>(problems: &mut Problems<'_>, at: &str, key: &str, given: Option<&Spanned<T>>) {
    if let Some(given) = given {
        problems.add(given.span(), format!("{at}.{key}"), "means nothing with this key");
    }
}

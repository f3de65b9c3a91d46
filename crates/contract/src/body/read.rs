//! The body as a contract file says it: the payload itself, or a list of keys.

use super::{BodyRule, Member, Source, constant};
use crate::file::{self, Body, BodyKey};
use crate::problems::Problems;
use toml::Spanned;

const KEY: &str = "request.body";

#[derive(Clone, Copy)]
enum TimeFormat {
    Rfc3339,
    UnixSeconds,
}

impl BodyRule {
    pub(crate) fn read(problems: &mut Problems<'_>, given: &Spanned<Body>) -> Option<Self> {
        match given.get_ref() {
            Body::Word(word) if word == "payload" => Some(Self::Payload),
            Body::Word(word) => {
                let reason = format!("must be \"payload\" or a list of keys, and is {word:?}");
                problems.add(given.span(), KEY, reason);
                None
            }
            Body::Keys(keys) => read_keys(problems, given, keys).map(Self::Object),
        }
    }
}

fn read_keys(
    problems: &mut Problems<'_>,
    list: &Spanned<Body>,
    given: &[Spanned<BodyKey>],
) -> Option<Vec<Member>> {
    let mut members: Vec<Member> = Vec::new();
    for (place, entry) in given.iter().enumerate() {
        let at = format!("{KEY}[{place}]");
        let key = &entry.get_ref().key;
        if members.iter().any(|member| member.key == *key.get_ref()) {
            problems.add(key.span(), format!("{at}.key"), "is there twice");
        }
        if !follows(members.last(), key.get_ref()) {
            let reason = "JavaScript puts keys that are array indices first, in ascending order; \
                          so must the list";
            problems.add(key.span(), format!("{at}.key"), reason);
        }
        let opening = if members.is_empty() { '{' } else { ',' };
        let before = format!("{opening}{}:", constant::string(key.get_ref()));
        let value = read_source(problems, &at, entry)?;
        members.push(Member { key: key.get_ref().clone(), value, before });
    }
    if !members.iter().any(|member| member.value == Source::Payload) {
        problems.add(list.span(), KEY, "no key is from \"payload\": events would say nothing");
    }
    Some(members)
}

/// Whether JavaScript leaves a key where it stands (ECMA-262, 10.1.11.1).
fn follows(before: Option<&Member>, key: &str) -> bool {
    match (before.map(|member| array_index(&member.key)), array_index(key)) {
        (None, _) | (_, None) => true,
        (Some(before), Some(index)) => before.is_some_and(|before| before <= index),
    }
}

fn array_index(key: &str) -> Option<u32> {
    let index: u32 = key.parse().ok()?;
    (index.to_string() == key && index != u32::MAX).then_some(index)
}

fn read_source(problems: &mut Problems<'_>, at: &str, entry: &Spanned<BodyKey>) -> Option<Source> {
    let BodyKey { key: _, from, format, text, json } = entry.get_ref();
    let source = match (from, text, json) {
        (Some(from), None, None) => return read_field(problems, at, from, format.as_ref()),
        (None, Some(text), None) => Source::Constant(constant::string(text.get_ref())),
        (None, None, Some(json)) => {
            let value = constant::value(json.get_ref());
            Source::Constant(problems.take(json, format!("{at}.json"), value)?)
        }
        _ => {
            problems.add(entry.span(), at, "must have one of from, text, json");
            return None;
        }
    };
    refuse_format(problems, at, format.as_ref());
    Some(source)
}

fn read_field(
    problems: &mut Problems<'_>,
    at: &str,
    from: &file::Text,
    format: Option<&file::Text>,
) -> Option<Source> {
    let time = Source::TimeText;
    let fields = [
        ("event.id", &Source::EventId),
        ("event.type", &Source::EventType),
        ("event.time", &time),
        ("delivery.id", &Source::DeliveryId),
        ("delivery.uuid", &Source::DeliveryUuid),
        ("endpoint.id", &Source::EndpointId),
        ("payload", &Source::Payload),
    ];
    let source = problems.choose(from, format!("{at}.from"), "field", &fields)?;
    if *source != time {
        refuse_format(problems, at, format);
        return Some(source.clone());
    }
    let formats = [("rfc3339", TimeFormat::Rfc3339), ("unix-seconds", TimeFormat::UnixSeconds)];
    let format = match format {
        None => Some(TimeFormat::Rfc3339),
        Some(format) => problems.choose(format, format!("{at}.format"), "format", &formats),
    };
    format.map(|format| match format {
        TimeFormat::Rfc3339 => Source::TimeText,
        TimeFormat::UnixSeconds => Source::TimeNumber,
    })
}

fn refuse_format(problems: &mut Problems<'_>, at: &str, format: Option<&file::Text>) {
    if let Some(format) = format {
        problems.add(format.span(), format!("{at}.format"), "is for from = \"event.time\" only");
    }
}

//! The headers of a request: their names, and what a contract puts into them.
//!
//! Over HTTP/1.1 names go out in title case, whatever a contract writes; their case means nothing
//! (RFC 9110, section 5.1), and the contract's own is for people to read.

use crate::file;
use crate::problems::Problems;
use crate::template::{Template, Values, Variable};
use toml::Spanned;

/// What the connection, the proxy or the tracing decides, and no contract (RFC 9110, section 7.6.1;
/// RFC 9112; W3C Trace Context); the first two have keys of their own.
const RESERVED: [&str; 18] = [
    "content-type",
    "user-agent",
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "date",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

const VARIABLES: [Variable; 7] = [
    Variable::DeliveryId,
    Variable::DeliveryUuid,
    Variable::EventType,
    Variable::EventTypeSlashes,
    Variable::EventId,
    Variable::EndpointId,
    Variable::Timestamp,
];

/// A header's name, in the contract's own case and ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderLabel {
    shown: String,
    name: http::HeaderName,
}

impl HeaderLabel {
    /// As the product writes it: `X-GitHub-Event`.
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// The name as HTTP compares it: in lower case.
    pub fn name(&self) -> &http::HeaderName {
        &self.name
    }

    /// A header that the contract has no word about.
    pub(crate) fn fixed(shown: &str, name: http::HeaderName) -> Self {
        Self { shown: shown.to_owned(), name }
    }

    pub(crate) fn read(problems: &mut Problems<'_>, key: &str, given: &file::Text) -> Option<Self> {
        let shown = given.get_ref().clone();
        let Ok(name) = http::HeaderName::from_bytes(shown.as_bytes()) else {
            problems.add(given.span(), key, format!("{shown:?} is no header name (RFC 9110, 5.1)"));
            return None;
        };
        if RESERVED.contains(&name.as_str()) {
            let reason = match name.as_str() {
                "content-type" => "has a key of its own: request.content_type",
                "user-agent" => "has a key of its own: request.user_agent",
                "traceparent" | "tracestate" => "has a key of its own: request.traceparent",
                _ => "is not for a contract to decide",
            };
            problems.add(given.span(), key, format!("the header {shown} {reason}"));
            return None;
        }
        Some(Self { shown, name })
    }
}

/// One header of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// Its name.
    pub label: &'a HeaderLabel,
    /// Its value.
    pub value: String,
}

/// A header with what is filled into it.
#[derive(Clone, Debug)]
pub(crate) struct HeaderRule {
    pub(crate) label: HeaderLabel,
    pub(crate) value: Template,
}

impl HeaderRule {
    pub(crate) fn read_all(problems: &mut Problems<'_>, given: &[file::Header]) -> Vec<Self> {
        let read = |(place, header): (usize, &file::Header)| {
            let key = format!("request.headers[{place}]");
            let label = HeaderLabel::read(problems, &format!("{key}.name"), &header.name);
            let value = read_value(problems, &format!("{key}.value"), &header.value, &VARIABLES);
            Some(Self { label: label?, value: value? })
        };
        given.iter().enumerate().filter_map(read).collect()
    }

    pub(crate) fn fill<'a>(&'a self, values: &Values<'_>) -> Header<'a> {
        Header { label: &self.label, value: self.value.fill(values) }
    }
}

/// A template whose fixed parts can be sent in a header.
pub(crate) fn read_value(
    problems: &mut Problems<'_>,
    key: &str,
    given: &file::Text,
    variables: &[Variable],
) -> Option<Template> {
    let template = problems.take(given, key, Template::parse(given.get_ref(), variables))?;
    is_sendable(problems, key, given).then_some(template)
}

/// Whether a header can have this text: printable ASCII, without spaces around it.
pub(crate) fn is_sendable(problems: &mut Problems<'_>, key: &str, text: &Spanned<String>) -> bool {
    let given = text.get_ref();
    let sendable = given.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if sendable && !given.is_empty() && given.trim() == given {
        return true;
    }
    let reason = "must be printable ASCII, without spaces around it";
    problems.add(text.span(), key, reason);
    false
}

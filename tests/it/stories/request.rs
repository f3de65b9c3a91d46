//! A request as one of the documents' receivers saw it.

use serde_json::Value;
use std::collections::BTreeSet;

/// A request with what its receiver made of it.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// Its method and path.
    pub(super) line: String,
    /// Its headers as they came: order, case and value.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
    /// Whether the document's code took it.
    pub(super) verified: bool,
    /// What it was answered; `None` if it was left without an answer.
    pub(super) status: Option<u16>,
}

impl Request {
    /// Reads what a receiver said.
    pub(super) fn of(said: &Value) -> Self {
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let headers = said["headers"].as_array().expect("headers").iter();
        let body = hex::decode(text(&said["body"])).expect("hex");
        Self {
            line: text(&said["line"]),
            headers: headers.map(|header| (text(&header[0]), text(&header[1]))).collect(),
            body: String::from_utf8(body).expect("a body in UTF-8"),
            verified: said["verified"].as_bool().expect("whether it verified"),
            status: said["status"].as_u64().map(|status| status.try_into().expect("a status")),
        }
    }

    /// The value of a header whose name is written so.
    pub(super) fn header(&self, name: &str) -> &str {
        let mut found = self.headers.iter().filter(|(known, _)| known == name);
        let (_, value) = found.next().unwrap_or_else(|| panic!("no {name} in {self:#?}"));
        assert!(found.next().is_none(), "two of {name} in {self:#?}");
        value
    }

    /// Checks that the document's code took it, and that it has these headers, their names written so,
    /// and no others but the signature and what HTTP itself needs.
    pub(super) fn is_signed_and_has(&self, signature: &str, headers: &[(&str, &str)]) {
        assert!(self.verified, "the document's code refused {self:#?}");
        let known = headers.iter().map(|(name, _)| *name);
        let known: BTreeSet<_> = known.chain([signature, "Host", "Content-Length"]).collect();
        let found: BTreeSet<_> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(found, known);
        for (name, value) in headers {
            assert_eq!(self.header(name), *value, "{name}");
        }
        assert!(!self.header(signature).is_empty());
    }
}

//! What the API says when it refuses: problem details (RFC 9457).

use crate::escape::printable;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde::Deserialize;
use std::fmt;

/// The media type that RFC 9457 gives them.
const MEDIA_TYPE: &str = "application/problem+json";

/// Why a call was refused, as far as the command line uses it.
#[derive(Debug, Deserialize)]
pub(crate) struct Problem {
    title: String,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    errors: Vec<FieldProblem>,
}

/// A field that breaks a rule.
#[derive(Debug, Deserialize)]
struct FieldProblem {
    field: String,
    rule: String,
}

impl Problem {
    /// Reads an answer's problem; `None` when the answer is something else.
    pub(super) fn parse(headers: &HeaderMap, body: &[u8]) -> Option<Self> {
        let media_type = headers.get(CONTENT_TYPE)?.to_str().ok()?;
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case(MEDIA_TYPE) {
            return None;
        }
        serde_json::from_slice(body).ok()
    }

    /// Whether it is about this field.
    pub(super) fn names(&self, field: &str) -> bool {
        self.errors.iter().any(|error| error.field == field)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", printable(&self.title))?;
        if !self.detail.is_empty() {
            write!(f, ": {}", printable(&self.detail))?;
        }
        for FieldProblem { field, rule } in &self.errors {
            write!(f, "\n  {}: {}", printable(field), printable(rule))?;
        }
        Ok(())
    }
}

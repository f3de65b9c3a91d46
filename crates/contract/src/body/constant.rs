//! JSON that a contract file has in it, in the form that survives a JavaScript round trip.
//!
//! Unlike a payload, a constant that JavaScript would change is refused: its writer can choose another.

use crate::json::normalise_object;
use serde_json::value::RawValue;
use std::fmt::Write as _;

/// The text is no constant that JavaScript would leave as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ConstantError {
    #[error("must be one JSON value: {0}")]
    NotJson(String),
    #[error("JavaScript cannot hold the number {0}")]
    Number(String),
}

/// A JSON value in JavaScript's form.
pub(super) fn value(text: &str) -> Result<String, ConstantError> {
    // The reader of payloads takes objects only; this one makes sure that there is one value alone.
    let alone = serde_json::from_str::<&RawValue>(text);
    let alone = alone.map_err(|error| ConstantError::NotJson(error.to_string()))?;
    let wrapped = format!("{{\"v\":{alone}}}");
    let normal = normalise_object(wrapped.as_bytes());
    let normal = normal.map_err(|error| ConstantError::NotJson(error.to_string()))?;
    let normal = String::from_utf8_lossy(normal.as_bytes()).into_owned();
    if let Some(number) = numbers(&normal).find(|number| !is_javascript(number)) {
        return Err(ConstantError::Number(number.to_owned()));
    }
    let value = normal.strip_prefix("{\"v\":").and_then(|rest| rest.strip_suffix('}'));
    Ok(value.unwrap_or_default().to_owned())
}

/// A string as JavaScript writes it, with its quotes.
pub(super) fn string(text: &str) -> String {
    format!("\"{}\"", escaped(text))
}

/// A string's content as JavaScript writes it (ECMA-262, 25.5.2.3): escaped is only what must be.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            c if c < ' ' => {
                // Writing to a string does not fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// The numbers of a JSON text, as they are written.
fn numbers(json: &str) -> impl Iterator<Item = &str> {
    let mut in_string = false;
    let mut escaped = false;
    let inside = move |c: char| {
        let was_escaped = std::mem::take(&mut escaped);
        match c {
            '\\' if in_string => escaped = !was_escaped,
            '"' if !was_escaped => in_string = !in_string,
            _ => {}
        }
        in_string || !matches!(c, '-' | '+' | '.' | '0'..='9' | 'e' | 'E')
    };
    // The `e` of `true` and `false` stands alone, and is no number.
    json.split(inside).filter(|piece| piece.bytes().any(|byte| byte.is_ascii_digit()))
}

fn is_javascript(number: &str) -> bool {
    let double: f64 = number.parse().unwrap_or(f64::NAN);
    double.is_finite() && ryu_js::Buffer::new().format_finite(double) == number
}

//! JSON as it came, and laid out for reading: the same members in the same order, the same numbers.

use crate::escape::is_obeyed;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::fmt::Write as _;

/// What one level of nesting is indented by.
const INDENT: &str = "  ";
/// Deeper nesting is indented no further: its lines would be mostly indentation.
const MAX_DEPTH: isize = 64;

/// A JSON document, as the API wrote it.
#[derive(Clone, Debug)]
pub(crate) struct Json(Box<RawValue>);

impl Json {
    /// Reads a document.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes).map(Self)
    }

    /// `null`.
    pub(crate) fn null() -> Self {
        Self(RawValue::NULL.to_owned())
    }

    /// What it means.
    pub(crate) fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.0.get())
    }

    /// The document with line breaks and indentation.
    pub(crate) fn pretty(&self) -> String {
        pretty(self.0.get())
    }
}

/// Lays out a valid JSON text by itself, since reading and writing it again would change numbers and
/// the order of members.
pub(crate) fn pretty(json: &str) -> String {
    let mut out = Layout { text: String::with_capacity(json.len() * 2), depth: 0 };
    let mut chars = json.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => out.string(&mut chars),
            '{' | '[' => {
                while chars.next_if(char::is_ascii_whitespace).is_some() {}
                out.text.push(c);
                match chars.next_if(|c| matches!(c, '}' | ']')) {
                    Some(end) => out.text.push(end),
                    None => out.line(1),
                }
            }
            '}' | ']' => {
                out.line(-1);
                out.text.push(c);
            }
            ',' => {
                out.text.push(c);
                out.line(0);
            }
            ':' => out.text.push_str(": "),
            c if c.is_ascii_whitespace() => {}
            c => out.text.push(c),
        }
    }
    out.text
}

struct Layout {
    text: String,
    depth: isize,
}

impl Layout {
    fn line(&mut self, deeper: isize) {
        self.depth += deeper;
        self.text.push('\n');
        for _ in 0..self.depth.min(MAX_DEPTH) {
            self.text.push_str(INDENT);
        }
    }

    /// Copies the rest of a string. What a terminal would obey and JSON allows as it is becomes an
    /// escape, which means the same.
    fn string(&mut self, chars: &mut impl Iterator<Item = char>) {
        self.text.push('"');
        while let Some(c) = chars.next() {
            match c {
                // All of them are below U+10000. Writing to a string cannot fail.
                c if is_obeyed(c) => drop(write!(self.text, "\\u{:04x}", u32::from(c))),
                c => self.text.push(c),
            }
            match c {
                '"' => return,
                '\\' => self.text.extend(chars.next()),
                _ => {}
            }
        }
    }
}

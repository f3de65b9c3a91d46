//! A place in the text that is read. It knows bytes and white space, not the grammar; the modules
//! beside it advance it over what they recognise.

use super::error::{Expected, JsonError};

/// The text and the offset of the next byte in it.
pub(super) struct Cursor<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn offset(&self) -> usize {
        self.at
    }

    /// The bytes that have not been read.
    pub(super) fn rest(&self) -> &'t [u8] {
        &self.text.as_bytes()[self.at..]
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Steps over `count` bytes, which the caller has looked at.
    pub(super) fn advance(&mut self, count: usize) {
        self.at += count;
    }

    /// Steps over `byte` if it is next.
    pub(super) fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Steps over the bytes that `belongs` accepts, and gives how many they were.
    pub(super) fn skip_while(&mut self, belongs: impl Fn(u8) -> bool) -> usize {
        let rest = self.rest();
        let count = rest.iter().position(|&byte| !belongs(byte));
        let count = count.unwrap_or(rest.len());
        self.at += count;
        count
    }

    /// Steps over the white space of RFC 8259, section 2.
    pub(super) fn skip_space(&mut self) {
        self.skip_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
    }

    /// The text read since `start`; both ends lie between ASCII characters.
    pub(super) fn since(&self, start: usize) -> &'t str {
        &self.text[start..self.at]
    }

    /// The error that `expected` was not found here.
    pub(super) fn expected(&self, expected: Expected) -> JsonError {
        JsonError::NotJson { offset: self.at, expected }
    }
}

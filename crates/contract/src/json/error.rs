//! Why a text was refused, in the words that a producer reads in its call's field violation.
//! Offsets are bytes from the text's start; the only content that is repeated is a duplicate key.

use std::fmt;

use super::MAX_DEPTH;

/// The rule that a payload broke, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// The bytes are not UTF-8.
    #[error("not UTF-8 at byte {offset}")]
    NotUtf8 {
        /// Where the first invalid sequence begins.
        offset: usize,
    },
    /// The text starts with U+FEFF, which RFC 8259 (section 8.1) forbids and `JSON.parse` refuses.
    #[error("starts with a byte order mark")]
    ByteOrderMark,
    /// The text starts with something else than an object, or is empty.
    #[error("not a JSON object: expected `{{` at byte {offset}")]
    NotAnObject {
        /// Where the object should begin.
        offset: usize,
    },
    /// The text breaks the grammar of RFC 8259.
    #[error("not JSON: expected {expected} at byte {offset}")]
    NotJson {
        /// Where something else was found, or the text's length where it ended too early.
        offset: usize,
        /// What the grammar asks for there.
        expected: Expected,
    },
    /// An object has the same key twice; spellings that unescape to one key are the same.
    #[error("duplicate key \"{key}\" at byte {offset}")]
    DuplicateKey {
        /// Where the second one begins.
        offset: usize,
        /// The key as JSON would show it between quotes, cut short if it is long.
        key: String,
    },
    /// An array or object is nested deeper than [`MAX_DEPTH`].
    #[error("nested deeper than {MAX_DEPTH} levels at byte {offset}")]
    TooDeep {
        /// Where the first one too deep begins.
        offset: usize,
    },
    /// Something else than white space follows the object.
    #[error("text after the end of the JSON object at byte {offset}")]
    TrailingData {
        /// Where it begins.
        offset: usize,
    },
}

impl JsonError {
    /// The byte at which the rule is broken.
    pub fn offset(&self) -> usize {
        match self {
            Self::ByteOrderMark => 0,
            Self::NotUtf8 { offset }
            | Self::NotAnObject { offset }
            | Self::NotJson { offset, .. }
            | Self::DuplicateKey { offset, .. }
            | Self::TooDeep { offset }
            | Self::TrailingData { offset } => *offset,
        }
    }
}

/// What the grammar of RFC 8259 asks for at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// A key, after a comma.
    Key,
    /// A key or the object's end, after `{`.
    KeyOrEnd,
    /// The colon between a key and its value.
    Colon,
    /// A value.
    Value,
    /// A comma or the object's end.
    CommaOrBrace,
    /// A comma or the array's end.
    CommaOrBracket,
    /// A digit of a number.
    Digit,
    /// One of the letters that may follow a backslash.
    Escape,
    /// The four hexadecimal digits of `\u`.
    FourHexDigits,
    /// An escape instead of a raw control character.
    EscapedControl,
    /// The string's closing quote, before the text ended.
    ClosingQuote,
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key => "a quoted key",
            Self::KeyOrEnd => "a quoted key or `}`",
            Self::Colon => "`:`",
            Self::Value => "a value",
            Self::CommaOrBrace => "`,` or `}`",
            Self::CommaOrBracket => "`,` or `]`",
            Self::Digit => "a digit",
            Self::Escape => "one of `\"\\/bfnrtu`",
            Self::FourHexDigits => "four hexadecimal digits",
            Self::EscapedControl => "an escape for a control character",
            Self::ClosingQuote => "a closing quote",
        })
    }
}

//! Text from elsewhere, made safe to print: nothing in it moves a cursor, colours, rings, or turns
//! the reading direction.

use std::borrow::Cow;

/// The text with an escape, as Rust writes it, for each character that a terminal obeys or hides.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_obeyed(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Bytes that may be no text at all.
pub(crate) fn printable_bytes(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => printable(text),
        Err(_) => Cow::Owned(bytes.escape_ascii().to_string()),
    }
}

/// Control characters, and those of Unicode that turn the reading direction or break a line; all are
/// below U+10000.
pub(crate) fn is_obeyed(c: char) -> bool {
    let turns = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}')
        || matches!(c, '\u{2066}'..='\u{2069}');
    c.is_control() || turns || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
}

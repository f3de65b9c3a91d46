//! The start of a text that may be long and may hold anything.

use crate::escape::printable;

/// The start of the text, escaped, at most so many characters of it.
pub(crate) fn snippet(text: &str, most: usize) -> String {
    let text = text.trim();
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", printable(&text[..end])),
        None => printable(text).into_owned(),
    }
}

//! A JSON payload in the form that survives a JavaScript round trip: many receivers verify a
//! signature over `JSON.stringify(req.body)`, so that form is what is stored, signed and sent.
//!
//! It rewrites text to text in one pass and builds no values: a general JSON value type would lose
//! digits, lone surrogates or the order of keys. It knows nothing of contracts and limits no size.
//! What exactly is rewritten stands in `docs/json-normalisation.md`.

mod cursor;
mod error;
mod member;
mod number;
mod parser;
mod string;
#[cfg(test)]
pub(crate) mod tests;

use std::fmt;

use bytes::Bytes;

pub use self::error::{Expected, JsonError};

/// The deepest nesting that is accepted: the payload itself is level 1.
pub const MAX_DEPTH: usize = 128;

/// Rewrites one JSON object (RFC 8259, UTF-8 without a byte order mark) as
/// `JSON.stringify(JSON.parse(text))` would (ECMA-262, sections 25.5.1 and 25.5.2).
///
/// A number that a double would change is left as written. The result can be longer than the
/// text, at most about 4.4 times (`1e20` becomes 21 digits).
///
/// # Errors
///
/// Whatever is not such an object, repeats a key within an object, or nests deeper than
/// [`MAX_DEPTH`].
pub fn normalise_object(text: &[u8]) -> Result<Normalised, JsonError> {
    let text =
        str::from_utf8(text).map_err(|error| JsonError::NotUtf8 { offset: error.valid_up_to() })?;
    let normal = parser::rewrite(text)?;
    Ok(Normalised(Bytes::from(normal)))
}

/// The bytes of one JSON object, proven to be in the form that [`normalise_object`] gives.
///
/// Clones share the bytes. `Debug` shows the length only, since payloads are not for logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Normalised(Bytes);

impl Normalised {
    /// The object's text, UTF-8.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The object's text, UTF-8, without the proof.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl AsRef<[u8]> for Normalised {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl fmt::Debug for Normalised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Normalised({} bytes)", self.0.len())
    }
}

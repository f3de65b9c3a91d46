//! Strings and keys as `JSON.stringify` writes them (ECMA-262, section 25.5.2.3, `QuoteJSONString`):
//! raw characters, and escapes only where there is no other way.

use super::cursor::Cursor;
use super::error::{Expected, JsonError};

/// Reads the string whose opening quote is next, and appends its normal form with the quotes.
///
/// Two strings have one normal form only if they are the same sequence of code units.
pub(super) fn rewrite(cursor: &mut Cursor<'_>, out: &mut String) -> Result<(), JsonError> {
    cursor.advance(1);
    out.push('"');
    loop {
        let start = cursor.offset();
        cursor.skip_while(|byte| byte >= b' ' && byte != b'"' && byte != b'\\');
        out.push_str(cursor.since(start));
        match cursor.peek() {
            Some(b'"') => break,
            Some(b'\\') => rewrite_escape(cursor, out)?,
            Some(_) => return Err(cursor.expected(Expected::EscapedControl)),
            None => return Err(cursor.expected(Expected::ClosingQuote)),
        }
    }
    cursor.advance(1);
    out.push('"');
    Ok(())
}

fn rewrite_escape(cursor: &mut Cursor<'_>, out: &mut String) -> Result<(), JsonError> {
    cursor.advance(1);
    match cursor.peek() {
        Some(b'u') => {
            cursor.advance(1);
            let unit = hex_unit(cursor.rest());
            let unit = unit.ok_or_else(|| cursor.expected(Expected::FourHexDigits))?;
            cursor.advance(4);
            push_unit(unit, cursor, out);
            return Ok(());
        }
        Some(b'/') => out.push('/'),
        Some(kept @ (b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't')) => {
            out.push('\\');
            out.push(char::from(kept));
        }
        _ => return Err(cursor.expected(Expected::Escape)),
    }
    cursor.advance(1);
    Ok(())
}

/// The code unit that the first four bytes spell in hexadecimal, in either case.
fn hex_unit(text: &[u8]) -> Option<u16> {
    text.get(..4)?.iter().try_fold(0, |unit: u16, &byte| {
        let digit = char::from(byte).to_digit(16)?;
        Some(unit << 4 | u16::try_from(digit).ok()?)
    })
}

/// Appends an escaped code unit, together with the low surrogate after it if they are a pair.
fn push_unit(unit: u16, cursor: &mut Cursor<'_>, out: &mut String) {
    match unit {
        0x08 => out.push_str(r"\b"),
        0x09 => out.push_str(r"\t"),
        0x0a => out.push_str(r"\n"),
        0x0c => out.push_str(r"\f"),
        0x0d => out.push_str(r"\r"),
        0x22 => out.push_str(r#"\""#),
        0x5c => out.push_str(r"\\"),
        0x00..0x20 => push_hex_escape(unit, out),
        _ => match whole_char(unit, cursor) {
            Some(character) => out.push(character),
            None => push_hex_escape(unit, out),
        },
    }
}

/// The character that a code unit is, or begins: then the escape that completes it is read too.
/// None is a lone surrogate.
fn whole_char(unit: u16, cursor: &mut Cursor<'_>) -> Option<char> {
    if let Some(character) = char::from_u32(u32::from(unit)) {
        return Some(character);
    }
    let low = hex_unit(cursor.rest().strip_prefix(br"\u")?)?;
    let pair = char::decode_utf16([unit, low]).next()?.ok()?;
    cursor.advance(r"\uxxxx".len());
    Some(pair)
}

fn push_hex_escape(unit: u16, out: &mut String) {
    out.push_str(r"\u");
    for shift in [12, 8, 4, 0] {
        out.extend(char::from_digit(u32::from(unit >> shift) & 0xf, 16));
    }
}

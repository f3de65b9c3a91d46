//! Numbers as JavaScript writes them, wherever that is still the same number: the literal's exact
//! decimal value decides, and what a double cannot carry stays as the producer wrote it.
//!
//! Reading and shortest formatting of doubles come from `std` and `ryu_js`.

use super::cursor::Cursor;
use super::error::{Expected, JsonError};

/// The shortest form of a double never has more significant digits.
const MAX_SIGNIFICANT_DIGITS: u64 = 17;

/// JavaScript writes integers up to here (10^21) as JSON does, digit by digit: whether or not a
/// double holds one, its normal form is the literal.
const MAX_PLAIN_DIGITS: usize = 21;

/// Reads the number that is next, whose first byte is `-` or a digit, and appends its normal form.
pub(super) fn rewrite(cursor: &mut Cursor<'_>, out: &mut String) -> Result<(), JsonError> {
    let start = cursor.offset();
    cursor.eat(b'-');
    if !cursor.eat(b'0') {
        skip_digits(cursor)?;
    }
    let integer = cursor.since(start);
    if cursor.eat(b'.') {
        skip_digits(cursor)?;
    }
    if cursor.eat(b'e') || cursor.eat(b'E') {
        if !cursor.eat(b'+') {
            cursor.eat(b'-');
        }
        skip_digits(cursor)?;
    }
    let literal = cursor.since(start);
    if literal == integer && literal.len() <= MAX_PLAIN_DIGITS && literal != "-0" {
        out.push_str(literal);
        return Ok(());
    }
    let mut buffer = ryu_js::Buffer::new();
    out.push_str(javascript_form(literal, &mut buffer).unwrap_or(literal));
    Ok(())
}

fn skip_digits(cursor: &mut Cursor<'_>) -> Result<(), JsonError> {
    match cursor.skip_while(|byte| byte.is_ascii_digit()) {
        0 => Err(cursor.expected(Expected::Digit)),
        _ => Ok(()),
    }
}

/// What `Number::toString` (ECMA-262, section 6.1.6.1.20) gives for the literal's double, if that
/// is the literal's value.
fn javascript_form<'b>(literal: &str, buffer: &'b mut ryu_js::Buffer) -> Option<&'b str> {
    let value = Decimal::of(literal)?;
    let double: f64 = literal.parse().ok()?;
    if !double.is_finite() {
        return None;
    }
    let form = buffer.format_finite(double);
    (Decimal::of(form)? == value).then_some(form)
}

/// The exact size of a short number, without its sign, which reading and writing a double keep:
/// `digits` × 10^`exponent`, where `digits` does not end in 0. Zero is `Decimal::default()`.
#[derive(Debug, Default, PartialEq, Eq)]
struct Decimal {
    digits: u64,
    exponent: i64,
}

impl Decimal {
    /// None if the literal has more significant digits than any form that it is compared with.
    ///
    /// An exponent beyond 64 bits is clamped, which leaves it far from that of any double.
    fn of(literal: &str) -> Option<Self> {
        let (mantissa, exponent) = match literal.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, saturating_exponent(exponent)),
            None => (literal, 0),
        };
        let mut decimal = Self { digits: 0, exponent };
        decimal.add_mantissa(mantissa.trim_start_matches('-').as_bytes())?;
        if decimal.digits == 0 {
            return Some(Self::default());
        }
        Some(decimal)
    }

    fn add_mantissa(&mut self, mantissa: &[u8]) -> Option<()> {
        let mut significant: u64 = 0;
        let mut zeros: u64 = 0;
        let mut in_fraction = false;
        for &byte in mantissa {
            if byte == b'.' {
                in_fraction = true;
                continue;
            }
            if in_fraction {
                self.exponent = self.exponent.saturating_sub(1);
            }
            if byte == b'0' {
                zeros += u64::from(significant > 0);
                continue;
            }
            significant += zeros + 1;
            if significant > MAX_SIGNIFICANT_DIGITS {
                return None;
            }
            let shift = 10_u64.pow(u32::try_from(zeros + 1).ok()?);
            self.digits = self.digits * shift + u64::from(byte - b'0');
            zeros = 0;
        }
        self.exponent = self.exponent.saturating_add_unsigned(zeros);
        Some(())
    }
}

fn saturating_exponent(text: &str) -> i64 {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.trim_start_matches('+')),
    };
    let size = digits
        .bytes()
        .fold(0_i64, |size, byte| size.saturating_mul(10).saturating_add(i64::from(byte - b'0')));
    sign * size
}

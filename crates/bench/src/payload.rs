//! What is published: JSON objects of 500 bytes with a number in them, by which the receiver finds
//! out which event has arrived.

use bytes::Bytes;

/// Bytes of a payload.
pub(crate) const BYTES: usize = 500;
/// The type of every event.
pub(crate) const EVENT_TYPE: &str = "bench.measured";

const MARK: &[u8] = br#""number":""#;
const DIGITS: usize = 16;
const MIDDLE: &str = r#"","text":""#;
const END: &str = r#""}"#;

/// The payload with this number.
pub(crate) fn numbered(number: u64) -> Bytes {
    let start = format!(r#"{{"number":"{number:0DIGITS$}{MIDDLE}"#);
    let filling = BYTES - start.len() - END.len();
    let text = "Postrider carries it. ".chars().cycle().take(filling);
    start.chars().chain(text).chain(END.chars()).collect::<String>().into()
}

/// The number in a body that was made of such a payload.
pub(crate) fn number_in(body: &[u8]) -> Option<u64> {
    let at = body.windows(MARK.len()).position(|window| window == MARK)? + MARK.len();
    std::str::from_utf8(body.get(at..at + DIGITS)?).ok()?.parse().ok()
}

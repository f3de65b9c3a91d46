//! What a receiver says beside the status of its answer: when to come back, and what it wants no more of.
//!
//! Reading alone; whether it is heeded is decided by [`next`](super::next::next). What cannot be
//! understood was not said.

use std::time::{Duration, SystemTime};
use time::OffsetDateTime;

/// The longest wait that a receiver can ask for.
pub const MAX_RETRY_AFTER: Duration = Duration::from_hours(24);

/// The statuses (RFC 6585, section 4; RFC 9110, section 15.6.4) with which `Retry-After` is heeded.
const BUSY: [u16; 2] = [429, 503];
const RETRY_AFTER: &str = "retry-after";
const WEBHOOK_DELIVERY: &str = "webhook-delivery";

/// What an answer says beside its status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Advice {
    /// How long to wait at least, counted from the answer; at most [`MAX_RETRY_AFTER`].
    pub retry_after: Option<Duration>,
    /// What the receiver wants no more of.
    pub word: Option<Word>,
}

/// A word of the header field `webhook-delivery`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Word {
    /// `abort-message`: this message is not to be sent again.
    AbortMessage,
    /// `disable`: nothing at all is to be sent to this endpoint.
    Disable,
}

impl Advice {
    /// Reads an answer's header fields. `now` is when the answer came, by the clock that dates are
    /// compared with.
    ///
    /// Of several waits the longest counts, and of several words the one that goes further.
    pub fn read<'a>(
        status: u16,
        fields: impl IntoIterator<Item = (&'a str, &'a [u8])>,
        now: OffsetDateTime,
    ) -> Self {
        let mut advice = Self::default();
        for (name, value) in fields {
            let Ok(value) = str::from_utf8(value) else { continue };
            if name.eq_ignore_ascii_case(RETRY_AFTER) && BUSY.contains(&status) {
                advice.retry_after = advice.retry_after.max(retry_after(value, now));
            } else if name.eq_ignore_ascii_case(WEBHOOK_DELIVERY) {
                advice.word = value.split(',').filter_map(Word::parse).chain(advice.word).max();
            }
        }
        advice
    }
}

impl Word {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let is = |word: &str| text.eq_ignore_ascii_case(word);
        match () {
            () if is("disable") => Some(Self::Disable),
            () if is("abort-message") => Some(Self::AbortMessage),
            () => None,
        }
    }
}

/// Reads `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date in any of the three forms. What is
/// past or no such thing asks for nothing.
fn retry_after(value: &str, now: OffsetDateTime) -> Option<Duration> {
    let value = value.trim();
    let wait = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // Digits that no number holds mean a number that is too large.
        Duration::from_secs(value.parse().unwrap_or(u64::MAX))
    } else {
        let then = httpdate::parse_http_date(value).ok()?;
        then.duration_since(SystemTime::from(now)).ok()?
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-03-04 05:06:07 UTC);

    fn asked(status: u16, values: &[&str]) -> Option<Duration> {
        let fields = values.iter().map(|value| ("Retry-After", value.as_bytes()));
        Advice::read(status, fields, NOW).retry_after
    }

    fn said(values: &[&str]) -> Option<Word> {
        let fields = values.iter().map(|value| ("webhook-delivery", value.as_bytes()));
        Advice::read(500, fields, NOW).word
    }

    #[test]
    fn seconds_are_read_and_clamped() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        for (value, expected) in [
            ("0", seconds(0)),
            ("1", seconds(1)),
            (" 120 ", seconds(120)),
            ("0007", seconds(7)),
            ("86400", seconds(86_400)),
            ("86401", seconds(86_400)),
            ("1000000000", seconds(86_400)),
            ("99999999999999999999999999", seconds(86_400)),
        ] {
            assert_eq!(asked(429, &[value]), expected, "{value}");
        }
    }

    #[test]
    fn dates_are_read_in_all_three_forms() {
        for value in [
            "Wed, 04 Mar 2026 05:08:07 GMT",
            "Wednesday, 04-Mar-26 05:08:07 GMT",
            "Wed Mar  4 05:08:07 2026",
        ] {
            assert_eq!(asked(503, &[value]), Some(Duration::from_mins(2)), "{value}");
        }
        let next_year = "Thu, 04 Mar 2027 05:08:07 GMT";
        assert_eq!(asked(503, &[next_year]), Some(MAX_RETRY_AFTER));
    }

    #[test]
    fn what_is_past_or_junk_asks_for_nothing() {
        for value in [
            "",
            " ",
            "-1",
            "+5",
            "1.5",
            "5s",
            "0x10",
            "soon",
            "1 2",
            "\u{661}\u{662}",
            "Wed, 04 Mar 2026 05:06:06 GMT",
            "Thu, 01 Jan 1970 00:00:00 GMT",
            "Fri, 31 Dec 1915 00:00:00 GMT",
            "Wed, 34 Mar 2026 05:08:07 GMT",
            "2026-03-04T05:08:07Z",
        ] {
            assert_eq!(asked(429, &[value]), None, "{value:?}");
        }
        let bytes: (&str, &[u8]) = ("retry-after", b"\xff\x00");
        assert_eq!(Advice::read(429, [bytes], NOW), Advice::default());
    }

    #[test]
    fn a_wait_that_stands_twice_is_the_longer_one() {
        assert_eq!(asked(429, &["5", "7"]), Some(Duration::from_secs(7)));
        assert_eq!(asked(429, &["7", "5", "soon"]), Some(Duration::from_secs(7)));
    }

    #[test]
    fn a_wait_is_asked_for_by_who_is_busy() {
        for status in [200, 301, 400, 408, 410, 428, 430, 500, 502, 504] {
            assert_eq!(asked(status, &["5"]), None, "{status}");
        }
    }

    #[test]
    fn words_are_known_in_any_case_and_the_furthest_counts() {
        for (values, expected) in [
            (&["disable"][..], Some(Word::Disable)),
            (&[" Disable "], Some(Word::Disable)),
            (&["abort-message"], Some(Word::AbortMessage)),
            (&["ABORT-MESSAGE"], Some(Word::AbortMessage)),
            (&["disable, abort-message"], Some(Word::Disable)),
            (&["disable", "abort-message"], Some(Word::Disable)),
            (&["keep, abort-message"], Some(Word::AbortMessage)),
            (&["disabled", "", "abort message", "enable"], None),
        ] {
            assert_eq!(said(values), expected, "{values:?}");
        }
        let other: (&str, &[u8]) = ("webhook-deliver", b"disable");
        assert_eq!(Advice::read(500, [other], NOW), Advice::default());
    }

    proptest! {
        #[test]
        fn no_answer_asks_for_more_than_a_day(
            status in 0u16.., value in proptest::collection::vec(0u8.., 0..40),
        ) {
            let fields: [(&str, &[u8]); 2] =
                [("retry-after", &value), ("webhook-delivery", &value)];
            let advice = Advice::read(status, fields, NOW);
            prop_assert!(advice.retry_after <= Some(MAX_RETRY_AFTER));
            prop_assert!(advice.retry_after.is_none() || BUSY.contains(&status));
        }

        #[test]
        fn a_date_is_as_far_away_as_it_says(seconds in 0u32..=86_400) {
            let then = SystemTime::from(NOW) + Duration::from_secs(seconds.into());
            let asked = asked(429, &[&httpdate::fmt_http_date(then)]);
            prop_assert_eq!(asked, Some(Duration::from_secs(seconds.into())));
        }
    }
}

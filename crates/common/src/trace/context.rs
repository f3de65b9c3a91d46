//! The context of a trace as W3C Trace Context, level 1, writes it in `traceparent`.
//! `tracestate` is not kept: it belongs to the vendors that a request came through, and a retry days
//! later has none of them before it.

use std::fmt;
use std::num::{NonZeroU64, NonZeroU128};

/// `00-`, 32 digits, `-`, 16 digits, `-`, 2 digits.
const LEN: usize = 55;
/// The only flag that level 1 defines.
const SAMPLED: u128 = 1;

/// A place in a trace: whatever is done for it has this span as its parent.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceContext {
    pub(super) trace_id: NonZeroU128,
    pub(super) span_id: NonZeroU64,
    pub(super) sampled: bool,
}

/// The text is no `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TraceContextError {
    /// It has not the form.
    #[error("must be 00-, 32 digits, -, 16 digits, - and 2 digits, hexadecimal in lower case")]
    Form,
    /// `ff`, which is no version.
    #[error("must not have the version ff")]
    Version,
    /// An id of zeros stands for none.
    #[error("must not have an id of zeros")]
    Zero,
}

impl TraceContext {
    /// The name of the header, the metadata and the column that hold it.
    pub const NAME: &'static str = "traceparent";

    /// Parses a `traceparent`. Of a version above 00, what level 1 knows is taken; flags that it does
    /// not know are left out.
    ///
    /// ```
    /// use postrider_common::trace::TraceContext;
    /// let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    /// assert_eq!(TraceContext::parse(text).map(|context| context.to_string()), Ok(text.to_owned()));
    /// ```
    pub fn parse(text: &str) -> Result<Self, TraceContextError> {
        let (known, rest) = text.split_at_checked(LEN).ok_or(TraceContextError::Form)?;
        let mut fields = known.splitn(4, '-');
        let mut field = |len| hexadecimal(fields.next().unwrap_or_default(), len);
        let (version, trace_id, span_id, flags) = (field(2)?, field(32)?, field(16)?, field(2)?);
        match version {
            0xff => return Err(TraceContextError::Version),
            0 if !rest.is_empty() => return Err(TraceContextError::Form),
            _ if !rest.is_empty() && !rest.starts_with('-') => return Err(TraceContextError::Form),
            _ => {}
        }
        let span_id = u64::try_from(span_id).map_err(|_| TraceContextError::Form)?;
        Ok(Self {
            trace_id: NonZeroU128::new(trace_id).ok_or(TraceContextError::Zero)?,
            span_id: NonZeroU64::new(span_id).ok_or(TraceContextError::Zero)?,
            sampled: flags & SAMPLED != 0,
        })
    }

    /// The context that a request's headers give: what is malformed, or given more than once, is as
    /// if it were not there.
    pub fn of_header<V: AsRef<[u8]>>(values: impl IntoIterator<Item = V>) -> Option<Self> {
        let mut values = values.into_iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return None;
        };
        Self::parse(str::from_utf8(value.as_ref()).ok()?).ok()
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = u8::from(self.sampled);
        write!(f, "00-{:032x}-{:016x}-{flags:02x}", self.trace_id, self.span_id)
    }
}

impl fmt::Debug for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceContext({self})")
    }
}

fn hexadecimal(field: &str, len: usize) -> Result<u128, TraceContextError> {
    let known = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if field.len() != len || !field.bytes().all(known) {
        return Err(TraceContextError::Form);
    }
    u128::from_str_radix(field, 16).map_err(|_| TraceContextError::Form)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    #[test]
    fn what_the_recommendation_shows_is_parsed() {
        let sampled = TraceContext::parse(&format!("00-{TRACE}-{SPAN}-01")).unwrap();
        assert_eq!(sampled.trace_id.get(), 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c);
        assert_eq!(sampled.span_id.get(), 0xb7ad_6b71_6920_3331);
        assert!(sampled.sampled);
        let unsampled = TraceContext::parse(&format!("00-{TRACE}-{SPAN}-00")).unwrap();
        assert!(!unsampled.sampled);
        assert_eq!(unsampled.to_string(), format!("00-{TRACE}-{SPAN}-00"));
    }

    #[test]
    fn unknown_flags_and_later_versions_are_written_as_version_0_has_them() {
        for text in [
            format!("00-{TRACE}-{SPAN}-ff"),
            format!("00-{TRACE}-{SPAN}-03"),
            format!("01-{TRACE}-{SPAN}-01"),
            format!("fe-{TRACE}-{SPAN}-01-what-the-future-brings"),
        ] {
            let parsed = TraceContext::parse(&text).map(|context| context.to_string());
            assert_eq!(parsed, Ok(format!("00-{TRACE}-{SPAN}-01")), "{text}");
        }
    }

    #[test]
    fn what_is_malformed_is_refused() {
        use TraceContextError::{Form, Version, Zero};
        for (text, error) in [
            (String::new(), Form),
            (format!("00-{TRACE}-{SPAN}-0"), Form),
            (format!("00-{TRACE}-{SPAN}-011"), Form),
            (format!("00-{TRACE}-{SPAN}-01-"), Form),
            (format!("01-{TRACE}-{SPAN}-01.x"), Form),
            (format!(" 00-{TRACE}-{SPAN}-01"), Form),
            (format!("00-{}-{SPAN}-01", TRACE.to_uppercase()), Form),
            (format!("00-+{}-{SPAN}-01", &TRACE[1..]), Form),
            (format!("00-{TRACE}-{SPAN}-0g"), Form),
            (format!("00-{TRACE}0{SPAN}-01"), Form),
            (format!("00-{SPAN}-{TRACE}-01"), Form),
            (format!("00-{}ü-{SPAN}-01", &TRACE[2..]), Form),
            (format!("ff-{TRACE}-{SPAN}-01"), Version),
            (format!("00-{}-{SPAN}-01", "0".repeat(32)), Zero),
            (format!("00-{TRACE}-{}-01", "0".repeat(16)), Zero),
        ] {
            assert_eq!(TraceContext::parse(&text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_header_counts_if_it_is_the_only_one() {
        let good = format!("00-{TRACE}-{SPAN}-01").into_bytes();
        assert!(TraceContext::of_header([good.as_slice()]).is_some());
        assert_eq!(TraceContext::of_header::<&[u8]>([]), None);
        assert_eq!(TraceContext::of_header([good.as_slice(), good.as_slice()]), None);
        assert_eq!(TraceContext::of_header([b"\xff".as_slice()]), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(trace in 1u128.., span in 1u64.., sampled in any::<bool>()) {
            let context = TraceContext {
                trace_id: NonZeroU128::new(trace).unwrap(),
                span_id: NonZeroU64::new(span).unwrap(),
                sampled,
            };
            prop_assert_eq!(context.to_string().len(), LEN);
            prop_assert_eq!(TraceContext::parse(&context.to_string()), Ok(context));
        }

        #[test]
        fn no_text_panics_and_the_ids_of_what_is_taken_stay(
            text in "[0-9a-f]{2}-?[0-9a-f]{31,33}-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?|.*",
        ) {
            if let Ok(context) = TraceContext::parse(&text) {
                prop_assert_eq!(&context.to_string()[2..53], &text[2..53]);
            }
        }
    }
}

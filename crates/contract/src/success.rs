//! Which answers count as success.

use crate::file;
use crate::problems::Problems;
use std::ops::RangeInclusive;
use toml::Spanned;

/// The final answers of HTTP (RFC 9110, section 15); 1xx are none.
const STATUSES: RangeInclusive<u16> = 200..=599;

/// The statuses that count as success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SuccessRule(Vec<RangeInclusive<u16>>);

impl SuccessRule {
    pub(crate) fn accepts(&self, status: u16) -> bool {
        self.0.iter().any(|range| range.contains(&status))
    }

    pub(crate) fn read(
        problems: &mut Problems<'_>,
        given: &Spanned<Vec<file::Text>>,
    ) -> Option<Self> {
        const KEY: &str = "delivery.success";
        if given.get_ref().is_empty() {
            problems.add(given.span(), KEY, "must name a status: no delivery would ever succeed");
            return None;
        }
        let rule = "must be a status (200), a class (2xx) or a range (200-204) within 200-599";
        let read = |(place, text): (usize, &file::Text)| {
            let parsed = parse(text.get_ref()).ok_or(rule);
            problems.take(text, format!("{KEY}[{place}]"), parsed)
        };
        let ranges: Vec<_> = given.get_ref().iter().enumerate().map(read).collect();
        Some(Self(ranges.into_iter().collect::<Option<_>>()?))
    }
}

fn parse(text: &str) -> Option<RangeInclusive<u16>> {
    let range = match (text.strip_suffix("xx"), text.split_once('-')) {
        (Some(class), _) => {
            let class: u16 = number(class, 1)?;
            class * 100..=class * 100 + 99
        }
        (None, Some((first, last))) => number(first, 3)?..=number(last, 3)?,
        (None, None) => number(text, 3)?..=number(text, 3)?,
    };
    let fits = STATUSES.contains(range.start()) && STATUSES.contains(range.end());
    (fits && !range.is_empty()).then_some(range)
}

/// A number of exactly so many digits, without a sign.
fn number(text: &str, digits: usize) -> Option<u16> {
    let plain = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

//! The members of one object that has been written: JavaScript's order of keys, and the search for
//! a key that is there twice. It moves whole members and does not look into their values.

use std::collections::HashSet;
use std::ops::Range;

use super::error::JsonError;

/// Objects of so many members are searched without a set.
const MAX_LINEAR_SEARCH: usize = 16;

/// A duplicate key is named by at most so many characters.
const MAX_KEY_SHOWN: usize = 40;

/// Where one member stands.
pub(super) struct Member {
    /// Its offset in the text that is read.
    pub(super) offset: usize,
    /// Its key in the output, without the quotes.
    pub(super) key: Range<usize>,
    /// All of it in the output: `"key":value`.
    pub(super) whole: Range<usize>,
}

impl Member {
    /// Where JavaScript puts it (ECMA-262, section 10.1.11.1): array indices, which end at
    /// 2^32 − 2, ascending; then the rest, which share the next number.
    fn rank(&self, out: &str) -> u32 {
        let key = &out[self.key.clone()];
        let is_integer = match key.as_bytes() {
            [b'0'] => true,
            [b'1'..=b'9', rest @ ..] => rest.len() <= 9 && rest.iter().all(u8::is_ascii_digit),
            _ => false,
        };
        let index = is_integer.then(|| key.parse().ok()).flatten();
        index.unwrap_or(u32::MAX)
    }
}

/// Refuses an object that has a key twice. Keys are compared in their normal form, which is one and
/// the same for all spellings of a key.
pub(super) fn refuse_duplicates(members: &[Member], out: &str) -> Result<(), JsonError> {
    let key = |member: &Member| &out.as_bytes()[member.key.clone()];
    let duplicate = if members.len() <= MAX_LINEAR_SEARCH {
        let mut pairs = members.iter().enumerate();
        pairs.find(|(n, member)| members[..*n].iter().any(|other| key(other) == key(member)))
    } else {
        let mut seen = HashSet::with_capacity(members.len());
        let mut members = members.iter().enumerate();
        members.find(|(_, member)| !seen.insert(key(member)))
    };
    let Some((_, member)) = duplicate else {
        return Ok(());
    };
    Err(JsonError::DuplicateKey { offset: member.offset, key: shortened(&out[member.key.clone()]) })
}

fn shortened(key: &str) -> String {
    match key.char_indices().nth(MAX_KEY_SHOWN) {
        Some((end, _)) => format!("{}…", &key[..end]),
        None => key.to_owned(),
    }
}

/// Brings the members, which are the end of the output, into JavaScript's order. `scratch` is room
/// that is used again from object to object.
pub(super) fn reorder(members: &mut [Member], out: &mut String, scratch: &mut String) {
    let Some(first) = members.first() else {
        return;
    };
    let start = first.whole.start;
    if members.is_sorted_by_key(|member| member.rank(out)) {
        return;
    }
    members.sort_by_cached_key(|member| member.rank(out));
    scratch.clear();
    for member in members {
        if !scratch.is_empty() {
            scratch.push(',');
        }
        scratch.push_str(&out[member.whole.clone()]);
    }
    out.truncate(start);
    out.push_str(scratch);
}

//! The rules for an event's metadata. A producer may send thousands of bad entries and an answer
//! must stay small, so each rule is reported once, with the first entry that breaks it.

use super::Violations;
use postrider_common::event::Metadata;

const MAX_ENTRIES: usize = 64;
const MAX_KEY_LEN: usize = 64;
const MAX_VALUE_BYTES: usize = 1024;
const MAX_TOTAL_BYTES: usize = 16 * 1024;
const FIELD: &str = "metadata";

/// Gives the metadata back, after reporting what is wrong with it.
pub(super) fn check(metadata: Metadata, broken: &mut Violations) -> Metadata {
    if metadata.len() > MAX_ENTRIES {
        let count = metadata.len();
        broken.add(FIELD, format!("must have at most {MAX_ENTRIES} entries, has {count}"));
    }
    let bytes: usize = metadata.iter().map(|(key, value)| key.len() + value.len()).sum();
    if bytes > MAX_TOTAL_BYTES {
        broken.add(FIELD, format!("must have at most {MAX_TOTAL_BYTES} bytes, has {bytes}"));
    }
    if let Some(key) = metadata.keys().find(|key| !is_key(key)) {
        let key = shown(key);
        let rule = "must be 1 to 64 characters of A-Z, a-z, 0-9, '_', '.' and '-'";
        broken.add(FIELD, format!("the key \"{key}\" {rule}"));
    }
    if let Some((key, value)) = metadata.iter().find(|(_, value)| value.len() > MAX_VALUE_BYTES) {
        let (key, bytes) = (shown(key), value.len());
        let rule = format!("must have at most {MAX_VALUE_BYTES} bytes, has {bytes}");
        broken.add(FIELD, format!("the value of \"{key}\" {rule}"));
    }
    if let Some((key, _)) = metadata.iter().find(|(_, value)| value.contains(char::is_control)) {
        let key = shown(key);
        broken.add(FIELD, format!("the value of \"{key}\" must have no control characters"));
    }
    metadata
}

fn is_key(key: &str) -> bool {
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    (1..=MAX_KEY_LEN).contains(&key.len()) && key.chars().all(known)
}

/// As much of a key as fits into a message.
fn shown(key: &str) -> String {
    key.chars().take(MAX_KEY_LEN).flat_map(char::escape_default).collect()
}

//! What holds for every text, checked on generated ones and against `serde_json`'s raw reader,
//! which takes the grammar of RFC 8259 and no limits.

use proptest::prelude::*;
use serde_json::value::RawValue;

use super::super::{JsonError, normalise_object};
use super::generate::{self, damaged_document, document};

fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<&RawValue>(text).is_ok()
}

fn is_json_object(text: &[u8]) -> bool {
    serde_json::from_slice::<&RawValue>(text).is_ok_and(|value| value.get().starts_with('{'))
}

/// Accepted is JSON; refused as not JSON is not JSON; the rest are the documented refusals, which
/// may come before or instead of an error of grammar.
fn agrees_with_reference(text: &[u8]) -> Result<(), TestCaseError> {
    match normalise_object(text) {
        Ok(_) => prop_assert!(is_json_object(text)),
        Err(JsonError::DuplicateKey { .. } | JsonError::TooDeep { .. }) => {}
        Err(JsonError::NotAnObject { .. }) => prop_assert!(!is_json_object(text)),
        Err(_) => prop_assert!(!is_json(text)),
    }
    Ok(())
}

proptest! {
    #[test]
    fn json_objects_are_accepted_and_stay_json(text in document()) {
        let normal = normalise_object(text.as_bytes())?;
        prop_assert!(is_json_object(normal.as_bytes()));
    }

    #[test]
    fn normal_form_is_its_own_normal_form(text in document()) {
        let once = normalise_object(text.as_bytes())?;
        let twice = normalise_object(once.as_bytes())?;
        prop_assert_eq!(once.as_bytes(), twice.as_bytes());
    }

    #[test]
    fn white_space_around_a_normal_form_changes_nothing(text in document()) {
        let normal = normalise_object(text.as_bytes())?;
        let spaced = [b" \t", normal.as_bytes(), b"\r\n"].concat();
        prop_assert_eq!(normalise_object(&spaced)?, normal);
    }

    #[test]
    fn damaged_text_is_judged_as_the_reference_does(text in damaged_document()) {
        agrees_with_reference(text.as_bytes())?;
    }

    #[test]
    fn damaged_bytes_are_judged_as_the_reference_does(
        text in document(),
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = text.into_bytes();
        let at = place.index(bytes.len());
        bytes[at] = byte;
        agrees_with_reference(&bytes)?;
    }

    #[test]
    fn text_that_ends_early_is_refused(text in document(), place in any::<prop::sample::Index>()) {
        let text = text.trim_end().as_bytes();
        prop_assert!(normalise_object(&text[..place.index(text.len())]).is_err());
    }

    #[test]
    fn arbitrary_bytes_are_judged_as_the_reference_does(
        bytes in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        agrees_with_reference(&bytes)?;
        agrees_with_reference(&[b"{\"", bytes.as_slice()].concat())?;
    }

    #[test]
    fn key_is_a_duplicate_in_whatever_spelling(key in generate::key(), between in 0..40_u32) {
        let between: Vec<_> = (0..between).map(|n| format!("\"between {n}\":{n},")).collect();
        let between = between.concat();
        let text = format!("{{\"{}\":1,{between}\"{}\":2}}", key.text, key.in_escapes());
        let repeated = text.len() - key.in_escapes().len() - "\"\":2}".len();
        let found = match normalise_object(text.as_bytes()) {
            Err(JsonError::DuplicateKey { offset, .. }) => Some(offset),
            _ => None,
        };
        prop_assert_eq!(found, Some(repeated));
    }
}

//! The normal form against a real JavaScript engine: `node` must be on the path.
//!
//! The rule: the normal form of a document is what `JSON.stringify(JSON.parse(document))` gives
//! once every number whose value JavaScript would change is carried through as a string. Which
//! numbers these are is decided in JavaScript too, so that nothing is compared with itself.

use std::io::Write as _;
use std::process::{Command, Stdio};

use proptest::strategy::{Strategy, ValueTree as _};
use proptest::test_runner::TestRunner;

use super::super::{JsonError, normalise_object};
use super::generate::{damaged_document, document, extreme_documents};

const ROUND_TRIP: &str = include_str!("round_trip.js");

/// For each document what JavaScript makes of it, or None where `JSON.parse` refuses it. One
/// process, one JSON text per line both ways.
pub(crate) fn round_trips(documents: &[String]) -> Vec<Option<String>> {
    let mut node = Command::new("node")
        .args(["-e", ROUND_TRIP])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this test compares with JavaScript and needs `node` on the path");
    let lines = documents.iter().map(|text| serde_json::to_string(text).unwrap() + "\n");
    let mut stdin = node.stdin.take().unwrap();
    stdin.write_all(lines.collect::<String>().as_bytes()).unwrap();
    drop(stdin);
    let output = node.wait_with_output().unwrap();
    assert!(output.status.success(), "node failed: {}", output.status);
    let answers = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<_> = answers.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), documents.len());
    answers
}

pub(crate) fn generated(count: usize, strategy: &impl Strategy<Value = String>) -> Vec<String> {
    let mut runner = TestRunner::default();
    let documents = (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current());
    documents.collect()
}

#[test]
fn normal_form_is_what_javascript_gives() {
    let mut documents = generated(600, &document());
    documents.extend(extreme_documents());
    for (text, expected) in documents.iter().zip(round_trips(&documents)) {
        let normal = normalise_object(text.as_bytes());
        let normal = normal.unwrap_or_else(|error| panic!("{error}: {text}"));
        let normal = str::from_utf8(normal.as_bytes()).unwrap();
        assert_eq!(Some(normal), expected.as_deref(), "of {text}");
    }
}

#[test]
fn damaged_documents_are_accepted_if_javascript_accepts_them() {
    let documents = generated(600, &damaged_document());
    for (text, expected) in documents.iter().zip(round_trips(&documents)) {
        match normalise_object(text.as_bytes()) {
            Ok(normal) => {
                let normal = str::from_utf8(normal.as_bytes()).unwrap();
                assert_eq!(Some(normal), expected.as_deref(), "of {text}");
            }
            Err(JsonError::DuplicateKey { .. } | JsonError::TooDeep { .. }) => {}
            Err(JsonError::NotAnObject { .. }) => {
                assert!(!expected.is_some_and(|text| text.starts_with('{')), "{text}");
            }
            Err(error) => assert_eq!(expected, None, "{error}: {text}"),
        }
    }
}

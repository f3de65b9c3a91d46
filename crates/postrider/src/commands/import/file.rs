//! A file of webhooks: a JSON document with a list of them, or a webhook a line. What is in a webhook is
//! the API's business; no error repeats anything, since there are secrets in it.

use super::outcome::Refused;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

const LIST: &str = "webhooks";

/// A webhook of the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    /// Its line, or its place in the document's list; from 1.
    pub(super) number: u64,
    /// Its text.
    pub(super) json: &'a str,
}

/// What is in a file.
#[derive(Debug, Default)]
pub(super) struct Contents<'a> {
    /// The webhooks.
    pub(super) entries: Vec<Entry<'a>>,
    /// Lines that are not JSON.
    pub(super) broken: Vec<Refused>,
    /// How many of both there are.
    pub(super) all: usize,
}

/// The file is nothing that can be imported.
#[derive(Debug)]
pub(super) enum Unreadable {
    NotJson { line: usize, column: usize },
    NoList,
}

impl From<serde_json::Error> for Unreadable {
    fn from(error: serde_json::Error) -> Self {
        if error.is_data() {
            return Self::NoList;
        }
        Self::NotJson { line: error.line(), column: error.column() }
    }
}

/// Reads a file's text.
pub(super) fn read(text: &str) -> Result<Contents<'_>, Unreadable> {
    let text = text.trim_start_matches('\u{feff}');
    let first = text.lines().map(str::trim).find(|line| !line.is_empty());
    match first {
        None => Err(Unreadable::NoList),
        Some(line) if is_webhook(line) => Ok(read_lines(text)),
        Some(_) => read_document(text),
    }
}

/// Whether a first line is all of a webhook, and not a document on one line.
fn is_webhook(line: &str) -> bool {
    let members: Result<BTreeMap<String, &RawValue>, _> = serde_json::from_str(line);
    members.is_ok_and(|members| !members.contains_key(LIST))
}

fn read_lines(text: &str) -> Contents<'_> {
    let mut contents = Contents::default();
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() {
            continue;
        }
        contents.all += 1;
        match serde_json::from_str::<&RawValue>(line) {
            Ok(raw) => contents.entries.push(Entry { number, json: raw.get() }),
            Err(error) => {
                let rule = format!("is not JSON: see column {}", error.column());
                contents.broken.push(Refused::of_line(number, rule));
            }
        }
    }
    contents
}

fn read_document(text: &str) -> Result<Contents<'_>, Unreadable> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Document<'a> {
        #[serde(borrow)]
        webhooks: Vec<&'a RawValue>,
    }
    let webhooks = if text.trim_start().starts_with('[') {
        serde_json::from_str(text)?
    } else {
        serde_json::from_str::<Document<'_>>(text)?.webhooks
    };
    let entries: Vec<_> =
        (1..).zip(webhooks).map(|(number, raw)| Entry { number, json: raw.get() }).collect();
    Ok(Contents { all: entries.len(), entries, broken: Vec::new() })
}

/// The entries in their order, in parts that one call takes; one that is larger goes by itself.
pub(super) fn batches<'e, 'a>(
    mut entries: &'e [Entry<'a>],
    most: usize,
    most_bytes: usize,
) -> impl Iterator<Item = &'e [Entry<'a>]> {
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |entry: &&Entry<'_>| {
            bytes += entry.json.len() + 1;
            bytes <= most_bytes
        };
        let count = entries.iter().take(most).take_while(fits).count().max(1);
        let (batch, rest) = entries.split_at_checked(count)?;
        entries = rest;
        Some(batch)
    })
}

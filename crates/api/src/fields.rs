//! Reading named fields strictly, from a JSON object or a query: every fault is collected, so that
//! the caller reads all of them at once.
//!
//! A field that nobody read is unknown, and refused by name; so is one that stands twice. What a
//! value must be is said by the readers in [`read`].

mod object;
pub(crate) mod read;

use crate::error::ApiError;
use object::Object;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::error::Category;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Faults that one answer lists.
const MAX_ERRORS: usize = 100;
/// Characters of a field's name that an answer repeats.
const MAX_NAME: usize = 64;
const STANDS_TWICE: &str = "stands twice";

/// A field's text, if it is there.
pub(crate) type Raw = Option<Box<RawValue>>;

/// A field and the rule that it breaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct FieldError {
    field: String,
    rule: String,
}

impl FieldError {
    /// Says that a field breaks a rule.
    pub(crate) fn new(field: impl Into<String>, rule: impl Into<String>) -> Self {
        Self { field: field.into(), rule: rule.into() }
    }
}

/// Where fields come from, which decides the answer to bad ones.
#[derive(Clone, Copy)]
enum Origin {
    Body,
    Query,
}

/// Fields that are being read. It has no `Debug`: a field may be a secret.
pub(crate) struct Fields {
    unread: BTreeMap<String, Value>,
    errors: Vec<FieldError>,
    origin: Origin,
}

impl Fields {
    /// The fields of a JSON object.
    ///
    /// # Errors
    ///
    /// What is no JSON, or no object, is refused as a whole; nothing of it is repeated.
    pub(crate) fn from_json(text: &[u8]) -> Result<Self, ApiError> {
        let Object(entries) = parse(text)?;
        Ok(Self::from_entries(entries, Origin::Body))
    }

    /// The same, but for one field whose text is kept as it stands: what JSON can say and a general
    /// value would lose or refuse.
    pub(crate) fn from_json_keeping(text: &[u8], kept: &str) -> Result<(Self, Raw), ApiError> {
        let Object(all) = parse::<Object<Box<RawValue>>>(text)?;
        let (kept_ones, others): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|(name, _)| name == kept);
        let others = others.into_iter().map(|(name, raw)| {
            let value = serde_json::from_str(raw.get());
            value.map(|value| (name, value)).map_err(|_| {
                let unreadable = "the body holds a string or a number that cannot be read";
                ApiError::Malformed(unreadable.to_owned())
            })
        });
        let mut fields = Self::from_entries(others.collect::<Result<_, _>>()?, Origin::Body);
        if kept_ones.len() > 1 {
            fields.refuse(kept, STANDS_TWICE);
        }
        Ok((fields, kept_ones.into_iter().next().map(|(_, raw)| raw)))
    }

    /// No fields, of a body that is not there.
    pub(crate) fn of_no_body() -> Self {
        Self::from_entries(Vec::new(), Origin::Body)
    }

    /// The parameters of a query.
    pub(crate) fn from_query(parameters: Vec<(String, String)>) -> Self {
        let entries = parameters.into_iter().map(|(name, text)| (name, Value::String(text)));
        Self::from_entries(entries.collect(), Origin::Query)
    }

    fn from_entries(entries: Vec<(String, Value)>, origin: Origin) -> Self {
        let mut fields = Self { unread: BTreeMap::new(), errors: Vec::new(), origin };
        let mut repeated = Vec::new();
        for (name, value) in entries {
            match fields.unread.entry(name) {
                Entry::Vacant(entry) => drop(entry.insert(value)),
                Entry::Occupied(entry) => repeated.push(entry.key().clone()),
            }
        }
        for name in repeated {
            fields.refuse(&name, STANDS_TWICE);
        }
        fields
    }

    /// Reads a field that must be there.
    pub(crate) fn required<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&Value) -> Result<T, String>,
    ) -> Option<T> {
        self.require(name);
        self.optional(name, read)
    }

    /// Notes a field that must be there and is not.
    pub(crate) fn require(&mut self, name: &str) {
        if !self.has(name) {
            self.refuse(name, "is required");
        }
    }

    /// Whether a field is there that nobody has read yet.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.unread.contains_key(name)
    }

    /// Reads a field that may be absent. A bad one is noted and then counts as absent.
    pub(crate) fn optional<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&Value) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.unread.remove(name)?;
        read(&value).map_err(|rule| self.refuse(name, rule)).ok()
    }

    /// Reads a field that may be absent, or `null`, which is the inner `None`.
    #[expect(clippy::option_option, reason = "absent, null and a value are three things")]
    pub(crate) fn nullable<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&Value) -> Result<T, String>,
    ) -> Option<Option<T>> {
        self.optional(name, |value| if value.is_null() { Ok(None) } else { read(value).map(Some) })
    }

    /// Notes a rule that a field breaks.
    pub(crate) fn refuse(&mut self, name: &str, rule: impl Into<String>) {
        let field = name.chars().take(MAX_NAME).collect();
        self.errors.push(FieldError { field, rule: rule.into() });
    }

    /// Ends reading: gives what `build` makes of the values if every field was known and good.
    /// `build` may return `None` only for a value that was noted as missing or bad.
    pub(crate) fn finish<T>(mut self, build: impl FnOnce() -> Option<T>) -> Result<T, ApiError> {
        for name in std::mem::take(&mut self.unread).into_keys() {
            self.refuse(&name, "is not known here");
        }
        self.errors.truncate(MAX_ERRORS);
        match (self.errors.is_empty(), self.origin) {
            (true, _) => build().ok_or(ApiError::Defect("a field was lost while reading")),
            (false, Origin::Body) => Err(ApiError::Validation(self.errors)),
            (false, Origin::Query) => Err(ApiError::Parameters(self.errors)),
        }
    }
}

fn parse<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, ApiError> {
    serde_json::from_slice(text).map_err(|error| {
        ApiError::Malformed(match error.classify() {
            Category::Data => "the body must be a JSON object".to_owned(),
            Category::Eof => "the body is not complete JSON".to_owned(),
            Category::Syntax | Category::Io => {
                let (line, column) = (error.line(), error.column());
                format!("the body is not JSON: see line {line}, column {column}")
            }
        })
    })
}

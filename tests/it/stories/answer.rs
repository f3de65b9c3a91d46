//! What a call was answered: its status, and JSON whose keys keep their order.

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use std::fmt;

/// An answer of the API.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) call: String,
    pub(super) status: u16,
    pub(super) text: String,
}

/// A JSON object with its members in their order.
#[derive(Debug)]
pub(super) struct Object(Vec<(String, Box<RawValue>)>);

impl Answer {
    /// The object that it is, if it has this status.
    pub(super) fn of(self, status: u16) -> Object {
        assert_eq!(self.status, status, "{}: {}", self.call, self.text);
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// Nothing, with 204.
    pub(super) fn no_content(self) {
        assert_eq!((self.status, self.text.as_str()), (204, ""), "{}", self.call);
    }
}

impl Object {
    /// The keys, in their order.
    pub(super) fn keys(&self) -> Vec<&str> {
        self.0.iter().map(|(key, _)| key.as_str()).collect()
    }

    /// Checks that it begins with these keys, in this order.
    pub(super) fn begins_with(&self, keys: &[&str]) {
        let found = self.keys();
        assert_eq!(&found[..keys.len().min(found.len())], keys, "{self:?}");
    }

    /// Whether it has this member.
    pub(super) fn has(&self, key: &str) -> bool {
        self.0.iter().any(|(known, _)| known == key)
    }

    /// A member's value.
    pub(super) fn value(&self, key: &str) -> Value {
        self.read(key)
    }

    /// A member that is text.
    pub(super) fn text(&self, key: &str) -> String {
        self.read(key)
    }

    /// A member that is an object.
    pub(super) fn object(&self, key: &str) -> Object {
        self.read(key)
    }

    /// A member that is a list of objects.
    pub(super) fn objects(&self, key: &str) -> Vec<Object> {
        self.read(key)
    }

    /// A member as it is written.
    pub(super) fn raw(&self, key: &str) -> &str {
        let found = self.0.iter().find(|(known, _)| known == key);
        let (_, raw) = found.unwrap_or_else(|| panic!("no {key} in {self:?}"));
        raw.get()
    }

    fn read<T: for<'de> Deserialize<'de>>(&self, key: &str) -> T {
        let read = serde_json::from_str(self.raw(key));
        read.unwrap_or_else(|error| panic!("{key}: {error} in {self:?}"))
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// Whether a time is written as the documents write it: whole seconds, in UTC, with `Z`.
pub(super) fn is_documents_time(text: &Value) -> bool {
    let text = text.as_str().unwrap_or_default();
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    shape == "0000-00-00T00:00:00Z"
}

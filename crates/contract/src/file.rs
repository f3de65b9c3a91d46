//! A contract file as it is written: its tables and keys, and where each stands.
//!
//! Whether what it says is possible is judged by the module that each part belongs to; the keys are
//! described for those who write them in `docs/contracts.md`.

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::marker::PhantomData;
use toml::Spanned;

/// Text, and where it stands.
pub(crate) type Text = Spanned<String>;
/// A whole number, and where it stands.
pub(crate) type Whole = Spanned<i64>;

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    pub(crate) name: Text,
    pub(crate) description: Text,
    pub(crate) ids: Ids,
    pub(crate) endpoint: Endpoint,
    pub(crate) request: Request,
    #[serde(deserialize_with = "tables")]
    pub(crate) signatures: Vec<Spanned<Signature>>,
    #[serde(deserialize_with = "tables")]
    pub(crate) secret: Vec<Spanned<SecretForm>>,
    #[serde(default, deserialize_with = "tables", skip_serializing_if = "Vec::is_empty")]
    pub(crate) second_secret: Vec<Spanned<SecretForm>>,
    pub(crate) delivery: Delivery,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) api: Option<Api>,
    #[serde(default, deserialize_with = "tables", skip_serializing_if = "Vec::is_empty")]
    pub(crate) events: Vec<Event>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ids {
    pub(crate) event: Text,
    pub(crate) delivery: Text,
    pub(crate) endpoint: Text,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Endpoint {
    pub(crate) https_only: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) rate_limit: Vec<Spanned<RateWindow>>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RateWindow {
    pub(crate) requests: Whole,
    pub(crate) seconds: Whole,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user_agent: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content_type: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) traceparent: Option<bool>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) headers: Vec<Header>,
    pub(crate) body: Spanned<Body>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    pub(crate) name: Text,
    pub(crate) value: Text,
}

/// `body = "payload"`, or a list of keys.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Body {
    Word(String),
    Keys(Vec<Spanned<BodyKey>>),
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BodyKey {
    pub(crate) key: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) format: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) json: Option<Text>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Signature {
    pub(crate) header: Text,
    pub(crate) content: Text,
    pub(crate) algorithm: Text,
    pub(crate) encoding: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) prefix: Option<Text>,
    pub(crate) value: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) separator: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) secret: Option<Text>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SecretForm {
    pub(crate) key: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) prefix: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encoding: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) random_bytes: Option<Whole>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) min_bytes: Option<Whole>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_bytes: Option<Whole>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) public_prefix: Option<Text>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Delivery {
    pub(crate) timeout: Whole,
    pub(crate) success: Spanned<Vec<Text>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delays: Option<Spanned<Vec<Whole>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) exponential: Option<Spanned<Exponential>>,
    pub(crate) jitter: Whole,
    pub(crate) after_last: Text,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exponential {
    pub(crate) first_delay: Whole,
    pub(crate) factor: Spanned<f64>,
    pub(crate) retries: Whole,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) overridable: Option<bool>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Api {
    pub(crate) base_path: Text,
    pub(crate) key_header: Text,
    pub(crate) active_field: Text,
    pub(crate) create: Spanned<Vec<Text>>,
    pub(crate) answer: Spanned<Vec<Text>>,
    pub(crate) secret: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) update: Option<Text>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Event {
    #[serde(rename = "type")]
    pub(crate) kind: Text,
    pub(crate) description: Text,
    pub(crate) example: Text,
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BodyVisitor)
    }
}

/// A list of tables; `[secret]` where `[[secret]]` is meant is an easy mistake.
fn tables<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    struct Tables<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for Tables<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list: each entry is a table in double brackets, such as [[secret]]")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Vec<T>, A::Error> {
            entries(list)
        }
    }
    deserializer.deserialize_seq(Tables(PhantomData))
}

fn entries<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(mut list: A) -> Result<Vec<T>, A::Error> {
    let mut entries = Vec::new();
    while let Some(entry) = list.next_element()? {
        entries.push(entry);
    }
    Ok(entries)
}

/// Not serde's `untagged`, which buffers values and so forgets where they stand.
struct BodyVisitor;

impl<'de> Visitor<'de> for BodyVisitor {
    type Value = Body;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"payload\" or a list of keys")
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<Body, E> {
        Ok(Body::Word(word.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Body, A::Error> {
        entries(list).map(Body::Keys)
    }
}

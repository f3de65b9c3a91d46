//! Webhooks: one file per verb, and what holds for all of them: the documents' calls, whose words they
//! follow, under which paths they are.

mod contract;
mod create;
mod delete;
mod documents;
mod get;
mod ordering;
mod paths;
mod rate_limit;
mod retries;
mod rotate;
mod secret;
mod switch;
mod update;
mod url;
mod words;

use super::harness::{Answer, Client};
use axum::http::StatusCode;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Value, json};
use std::fmt;

const URL: &str = "https://hooks.example.com/in";

/// The own contract that `docs/contracts.md` shows: of two secrets, with a base path and words.
fn acme() -> &'static str {
    let document = include_str!("../../../docs/contracts.md");
    let (_, after) = document.split_once("```toml\n").unwrap();
    after.split_once("```").unwrap().0
}

/// Makes a webhook of nothing but a URL and `more`; gives what is answered and the path to it.
async fn made(caller: &Client, more: Value) -> (Value, String) {
    let mut body = json!({ "url": URL });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = caller.post("/webhooks", body).await.of(StatusCode::CREATED);
    let path = format!("/webhooks/{}", made["id"].as_str().unwrap());
    (made, path)
}

/// The one field that is refused, with its rule.
fn refused(answer: Answer) -> (String, String) {
    let errors = answer.invalid();
    let [error] = &errors[..] else { panic!("{errors:?}") };
    error.clone()
}

/// The names of an object's members, in their order.
fn keys(text: &str) -> Vec<String> {
    serde_json::Deserializer::from_str(text).deserialize_map(Keys).unwrap()
}

struct Keys;

impl<'de> Visitor<'de> for Keys {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<String>, A::Error> {
        let mut keys = Vec::new();
        while let Some((key, IgnoredAny)) = map.next_entry()? {
            keys.push(key);
        }
        Ok(keys)
    }
}

//! Each rule that a contract file can break: the place, the key and the reason that are told.

mod deliveries;
mod requests;
mod signatures;

use super::sample::{minimal, minimal_and, minimal_with};
use crate::contract::Contract;

/// A part of a file, what stands in its place, and what is told about it: a line per problem.
type Refusal = (&'static str, &'static str, &'static str);

/// The small contract with a part replaced is refused for exactly these problems.
fn assert_refused(refusals: &[Refusal]) {
    for (part, replacement, problems) in refusals {
        refused(&minimal_with(part, replacement), problems);
    }
}

/// The same, of the small contract with more at its end.
fn assert_refused_after(more: &str, refusals: &[Refusal]) {
    let text = minimal_and(more);
    refused(&text, "");
    for (part, replacement, problems) in refusals {
        assert_eq!(text.matches(part).count(), 1, "{part:?} is not there once");
        refused(&text.replace(part, replacement), problems);
    }
}

#[track_caller]
fn refused(text: &str, problems: &str) {
    let told = match Contract::parse("own.toml", text) {
        Ok(_) => String::new(),
        Err(errors) => errors.to_string(),
    };
    let prefixed = problems.lines().map(|line| format!("own.toml:{line}"));
    assert_eq!(told, prefixed.collect::<Vec<_>>().join("\n"), "{text}");
}

#[test]
fn all_problems_are_told_at_once_in_the_order_of_the_lines() {
    let text = minimal()
        .replace("\"acme\"", "\"Acme\"")
        .replace(
            "https_only = true",
            "https_only = true\nrate_limit = [{ requests = 0, seconds = 1 }]",
        )
        .replace("{delivery.id}", "{delivery}")
        .replace("event.type", "event.kind")
        .replace("hmac-sha256", "md5")
        .replace("key = \"text\"", "key = \"text\"\nrandom_bytes = 1")
        .replace("timeout = 10", "timeout = 0");
    let errors = Contract::parse("contracts/acme.toml", &text).unwrap_err();
    let places: Vec<_> = errors.iter().map(|error| (error.line, error.key.as_str())).collect();
    assert_eq!(
        places,
        [
            (1, "name"),
            (11, "endpoint.rate_limit[0].requests"),
            (15, "request.headers[0].value"),
            (18, "request.body[0].from"),
            (25, "signatures[0].algorithm"),
            (31, "secret[0].random_bytes"),
            (34, "delivery.timeout"),
        ]
    );
    let told = errors.to_string();
    assert_eq!(told.lines().count(), 7);
    assert!(told.contains(
        "contracts/acme.toml:25:13: signatures[0].algorithm: unknown algorithm \"md5\", \
         expected one of hmac-sha1, hmac-sha256, hmac-sha512, ed25519"
    ));
}

#[test]
fn columns_are_counted_in_characters() {
    let text = minimal_with("\"acme\"", "\"é\"").replacen("name =", "'name' =", 1);
    refused(&text, "1:10: name: must be a-z, 0-9 and '-' between them, 64 characters at most");
    let text =
        minimal_with("{ key = \"type\", from = \"event.type\"", "{ key = \"é\", from = \"x\"");
    let errors = Contract::parse("own.toml", &text).unwrap_err();
    assert_eq!(errors.iter().next().map(|error| error.column), Some(23));
}

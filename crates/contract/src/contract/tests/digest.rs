//! The digest changes if and only if the contract says something else.

use super::sample::{minimal, minimal_and, minimal_with, parse};
use crate::contracts::Contracts;
use std::collections::HashSet;

/// This one's canonical form must not change, or every stored version would be another one.
const MINIMAL: &str = "11f64db28a34daac2ffef83acec1fe50f38c9a88540e3f11ecb77ee316752b94";

#[test]
fn the_digest_of_a_file_is_the_same_in_every_release() {
    assert_eq!(parse(&minimal()).digest().to_string(), MINIMAL);
}

#[test]
fn what_means_the_same_has_the_same_digest() {
    let same = [
        minimal_with("name = \"acme\"", "# A comment.\n\nname    = 'acme'"),
        minimal_with(
            "{ key = \"type\", from = \"event.type\" },",
            "{from='event.type',key='type'},",
        ),
        minimal_with("success = [\"2xx\"]", "success = [\n  \"2xx\",\n]"),
        // Defaults that are spelled out.
        minimal_with("[request]", "[request]\ncontent_type = \"application/json\""),
        minimal_with("[request]", "[request]\ntraceparent = false"),
        minimal_with("value = \"{signature}\"", "value = \"{signature}\"\nsecret = \"first\""),
        minimal_with("key = \"text\"", "key = \"text\"\nencoding = \"hex\"\nrandom_bytes = 32"),
        minimal_with("key = \"text\"", "key = \"text\"\nmin_bytes = 1\nmax_bytes = 256"),
        minimal_with("https_only = true", "https_only = true\nrate_limit = []"),
    ];
    for text in same {
        assert_eq!(parse(&text).digest().to_string(), MINIMAL, "{text}");
    }
    let event = "\n[[events]]\ntype = \"a\"\ndescription = \"A.\"\nexample = ";
    let spaced = minimal_and(&format!("{event}'''\n{{ \"a\": 1.0 }}\n'''"));
    let dense = minimal_and(&format!("{event}'{{\"a\":1}}'"));
    assert_eq!(parse(&spaced).digest(), parse(&dense).digest());
    let body = |json| minimal_with("from = \"event.type\"", &format!("json = '{json}'"));
    assert_eq!(parse(&body("[ 1.0 ]")).digest(), parse(&body("[1]")).digest());
}

#[test]
fn what_means_something_else_has_another_digest() {
    let exponential = "exponential = { first_delay = 1, factor = 2, retries = 3";
    let changed = [
        minimal(),
        minimal_with("name = \"acme\"", "name = \"acme-2\""),
        minimal_with("Acme's webhooks.", "Acme's other webhooks."),
        minimal_with("event = \"evt_\"", "event = \"e_\""),
        minimal_with("https_only = true", "https_only = false"),
        minimal_with(
            "https_only = true",
            "https_only = true\nrate_limit = [{ requests = 1, seconds = 1 }]",
        ),
        minimal_with("[request]", "[request]\nuser_agent = \"Acme/1\""),
        minimal_with("[request]", "[request]\ntraceparent = true"),
        minimal_with("[request]", "[request]\ncontent_type = \"application/acme+json\""),
        minimal_with("{delivery.id}", "{delivery.uuid}"),
        minimal_with("X-Acme-Id", "X-Acme-ID"),
        minimal_with("key = \"type\"", "key = \"event\""),
        minimal_with("from = \"event.type\"", "from = \"event.time\""),
        minimal_with("from = \"event.type\"", "from = \"event.time\", format = \"unix-seconds\""),
        minimal_with("from = \"event.type\"", "text = \"2\""),
        minimal_with("from = \"event.type\"", "json = '2'"),
        minimal_with("hmac-sha256", "hmac-sha512"),
        minimal_with("\nencoding = \"hex\"", "\nencoding = \"base64\""),
        minimal_with("value = \"{signature}\"", "value = \"sha256={signature}\""),
        minimal_with("value = \"{signature}\"", "value = \"{signature}\"\nseparator = \" \""),
        minimal_with("key = \"text\"", "key = \"text\"\nprefix = \"whsec_\""),
        minimal_with("key = \"text\"", "key = \"text\"\nencoding = \"base64\""),
        minimal_with("key = \"text\"", "key = \"text\"\nrandom_bytes = 16"),
        minimal_with("timeout = 10", "timeout = 11"),
        minimal_with("\"2xx\"", "\"200\""),
        minimal_with("[1, 2, 3]", "[1, 2, 4]"),
        minimal_with("delays = [1, 2, 3]", &format!("{exponential} }}")),
        minimal_with("delays = [1, 2, 3]", &format!("{exponential}, overridable = true }}")),
        minimal_with("jitter = 0", "jitter = 1"),
        minimal_with("\"fail\"", "\"dead-letter\""),
        minimal_and("\n[[events]]\ntype = \"a\"\ndescription = \"A.\"\nexample = '{}'"),
    ];
    let digests: HashSet<_> = changed.iter().map(|text| parse(text).digest()).collect();
    assert_eq!(digests.len(), changed.len());
    let built_in = Contracts::built_in();
    let digests: HashSet<_> = built_in.iter().map(|contract| contract.digest()).collect();
    assert_eq!(digests.len(), built_in.iter().count());
}

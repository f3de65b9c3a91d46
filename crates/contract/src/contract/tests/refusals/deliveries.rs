//! Refusals: success and retries, the management API, the catalogue.

use super::{Refusal, assert_refused, assert_refused_after};

const API: &str = r#"
[api]
base_path = "/hooks"
key_header = "Authorization"
active_field = "active"
create = ["url"]
answer = ["id"]
secret = "generated"
"#;

const CATALOGUE: &str = r#"
[[events]]
type = "a.b"
description = "It happened."
example = '{}'
"#;

#[test]
fn deliveries() {
    assert_refused(DELIVERIES);
}

#[test]
fn apis() {
    assert_refused_after(API, APIS);
}

#[test]
fn events() {
    assert_refused_after(CATALOGUE, EVENTS);
}

const DELIVERIES: &[Refusal] = &[
    ("timeout = 10", "timeout = 0", "32:11: delivery.timeout: must be 1 to 300 s, and is 0"),
    ("timeout = 10", "timeout = 301", "32:11: delivery.timeout: must be 1 to 300 s, and is 301"),
    (
        "[\"2xx\"]",
        "[]",
        "33:11: delivery.success: must name a status: no delivery would ever succeed",
    ),
    (
        "[\"2xx\"]",
        "[\"1xx\"]",
        "33:12: delivery.success[0]: must be a status (200), a class (2xx) or a range (200-204) within 200-599",
    ),
    (
        "[\"2xx\"]",
        "[\"2xx\", \"20\"]",
        "33:19: delivery.success[1]: must be a status (200), a class (2xx) or a range (200-204) within 200-599",
    ),
    (
        "[\"2xx\"]",
        "[\"204-200\"]",
        "33:12: delivery.success[0]: must be a status (200), a class (2xx) or a range (200-204) within 200-599",
    ),
    (
        "[\"2xx\"]",
        "[\"600\"]",
        "33:12: delivery.success[0]: must be a status (200), a class (2xx) or a range (200-204) within 200-599",
    ),
    (
        "[\"2xx\"]",
        "[\"+20\"]",
        "33:12: delivery.success[0]: must be a status (200), a class (2xx) or a range (200-204) within 200-599",
    ),
    (
        "[1, 2, 3]",
        "[1, -1]",
        "34:14: delivery.delays[1]: must be 0 to 2592000 s (30 days), and is -1",
    ),
    (
        "[1, 2, 3]",
        "[1,\n  2592001,\n]",
        "35:3: delivery.delays[1]: must be 0 to 2592000 s (30 days), and is 2592001",
    ),
    (
        "[1, 2, 3]",
        "[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]",
        "34:10: delivery.delays: must have at most 50 delays",
    ),
    ("delays = [1, 2, 3]\n", "", "32:11: delivery: must have either delays or exponential"),
    (
        "[1, 2, 3]",
        "[1]\nexponential = { first_delay = 1, factor = 2, retries = 3 }",
        "34:10: delivery: must have either delays or exponential",
    ),
    (
        "delays = [1, 2, 3]",
        "exponential = { first_delay = 1, factor = 0.5, retries = 3 }",
        "34:43: delivery.exponential.factor: the factor must be 1 to 100",
    ),
    (
        "delays = [1, 2, 3]",
        "exponential = { first_delay = 1, factor = nan, retries = 3 }",
        "34:43: delivery.exponential.factor: the factor must be 1 to 100",
    ),
    (
        "delays = [1, 2, 3]",
        "exponential = { first_delay = 2592001, factor = 2, retries = 3 }",
        "34:31: delivery.exponential.first_delay: must be 0 to 2592000 s, and is 2592001",
    ),
    (
        "delays = [1, 2, 3]",
        "exponential = { first_delay = 1, factor = 2, retries = 51 }",
        "34:56: delivery.exponential.retries: must be 0 to 50 retries, and is 51",
    ),
    ("jitter = 0", "jitter = 101", "35:10: delivery.jitter: must be 0 to 100 per cent, and is 101"),
    ("jitter = 0", "jitter = -1", "35:10: delivery.jitter: must be 0 to 100 per cent, and is -1"),
    (
        "\"fail\"",
        "\"explode\"",
        "36:14: delivery.after_last: unknown outcome \"explode\", expected one of fail, disable-endpoint, dead-letter",
    ),
];

const APIS: &[Refusal] = &[
    (
        "base_path = \"/hooks\"",
        "base_path = \"hooks\"",
        "39:13: api.base_path: must start with a slash, end without one, and be of plain characters",
    ),
    (
        "base_path = \"/hooks\"",
        "base_path = \"/hooks/\"",
        "39:13: api.base_path: must start with a slash, end without one, and be of plain characters",
    ),
    (
        "base_path = \"/hooks\"",
        "base_path = \"/a/../b\"",
        "39:13: api.base_path: must start with a slash, end without one, and be of plain characters",
    ),
    (
        "\"Authorization\"",
        "\"Cookie\"",
        "40:14: api.key_header: unknown key header \"Cookie\", expected one of Authorization, X-API-Key",
    ),
    (
        "\"active\"",
        "\"enabled\"",
        "41:16: api.active_field: unknown field \"enabled\", expected one of active, is_active",
    ),
    (
        "create = [\"url\"]",
        "create = [\"url\", \"is_active\"]",
        "42:18: api.create[1]: unknown field \"is_active\", expected one of url, description, events, secret, active, max_retries, timeout",
    ),
    (
        "create = [\"url\"]",
        "create = [\"id\"]",
        "42:11: api.create[0]: unknown field \"id\", expected one of url, description, events, secret, active, max_retries, timeout",
    ),
    ("create = [\"url\"]", "create = [\"url\", \"url\"]", "42:18: api.create[1]: is named twice"),
    (
        "answer = [\"id\"]",
        "answer = [\"id\", \"uuid\"]",
        "43:17: api.answer[1]: unknown field \"uuid\", expected one of url, description, events, secret, active, max_retries, timeout, id, created_at, last_delivery, delivery_count, failure_count",
    ),
    (
        "\"generated\"",
        "\"none\"",
        "44:10: api.secret: unknown source \"none\", expected one of customer, generated, required",
    ),
    (
        "secret = \"generated\"",
        "secret = \"generated\"\nupdate = \"POST\"",
        "45:10: api.update: unknown method \"POST\", expected one of PUT, PATCH",
    ),
    ("secret = \"generated\"\n", "", "38:1: api: missing field `secret`"),
];

const EVENTS: &[Refusal] = &[
    (
        "type = \"a.b\"",
        "type = \"a..b\"",
        "39:8: events[0].type: must be words of A-Z, a-z, 0-9, '_' and '-' joined by single dots, 128 characters at most",
    ),
    (
        "type = \"a.b\"",
        "type = \"orders/create\"",
        "39:8: events[0].type: must be words of A-Z, a-z, 0-9, '_' and '-' joined by single dots, 128 characters at most",
    ),
    (
        "description = \"It happened.\"",
        "description = \"\"",
        "40:15: events[0].description: must be one line of text",
    ),
    ("'{}'", "'[]'", "41:12: events[0].example: not a JSON object: expected `{` at byte 0"),
    ("'{}'", "''", "41:12: events[0].example: not a JSON object: expected `{` at byte 0"),
    (
        "'{}'",
        "\"\"\"\n{\n  \"a\": 1,\n}\n\"\"\"",
        "41:11: events[0].example: not JSON: expected a quoted key at byte 12",
    ),
    (
        "'{}'",
        "'{}'\n\n[[events]]\ntype = \"a.b\"\ndescription = \"Again.\"\nexample = '{}'",
        "44:8: events[1].type: is there twice",
    ),
    (
        "'{}'",
        "'''\n{\n  \"a\": 1,\n}\n'''",
        "44:1: events[0].example: not JSON: expected a quoted key at byte 12",
    ),
    ("example = '{}'", "", "38:1: events[0]: missing field `example`"),
];

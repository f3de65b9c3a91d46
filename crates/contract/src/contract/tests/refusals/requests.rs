//! Refusals: the file as a whole, names, endpoints, headers.

use super::{Refusal, assert_refused};

#[test]
fn what_is_no_contract_file_ends_at_the_first_problem() {
    assert_refused(STRUCTURE);
}

#[test]
fn names_and_prefixes() {
    assert_refused(NAMES);
}

#[test]
fn rate_limits() {
    assert_refused(RATE_LIMITS);
}

#[test]
fn headers() {
    assert_refused(HEADERS);
}

const STRUCTURE: &[Refusal] = &[
    (
        "name = \"acme\"",
        "name = acme",
        "1:8: string values must be quoted, expected literal string",
    ),
    ("name = \"acme\"\n", "", "1:1: missing field `name`"),
    (
        "name = \"acme\"",
        "name = \"acme\"\nnmae = \"acme\"",
        "2:1: nmae: unknown field `nmae`, expected one of `name`, `description`, `ids`, `endpoint`, `request`, `signatures`, `secret`, `second_secret`, `delivery`, `api`, `events`",
    ),
    (
        "timeout = 10",
        "timeout = \"10\"",
        "32:11: delivery.timeout: invalid type: string \"10\", expected i64",
    ),
    ("timeout = 10", "timeout = 10\ntimeout = 11", "33:1: duplicate key"),
    (
        "https_only = true",
        "https_only = 1",
        "10:14: endpoint.https_only: invalid type: integer `1`, expected a boolean",
    ),
    (
        "{ key = \"type\", from = \"event.type\" },",
        "{ key = \"type\", form = \"event.type\" },",
        "17:19: request.body[0].form: unknown field `form`, expected one of `key`, `from`, `format`, `text`, `json`",
    ),
    (
        "[[secret]]\nkey = \"text\"",
        "[secret]\nkey = \"text\"",
        "28:1: secret: invalid type: map, expected a list: each entry is a table in double brackets, such as [[secret]]",
    ),
    (
        "body = [\n  { key = \"type\", from = \"event.type\" },\n  { key = \"data\", from = \"payload\" },\n]",
        "body = 1",
        "16:8: request.body: invalid type: integer `1`, expected \"payload\" or a list of keys",
    ),
];

const NAMES: &[Refusal] = &[
    (
        "\"acme\"",
        "\"Acme\"",
        "1:8: name: must be a-z, 0-9 and '-' between them, 64 characters at most",
    ),
    (
        "\"acme\"",
        "\"-acme\"",
        "1:8: name: must be a-z, 0-9 and '-' between them, 64 characters at most",
    ),
    ("\"acme\"", "\"\"", "1:8: name: must be a-z, 0-9 and '-' between them, 64 characters at most"),
    ("Acme's webhooks.", " ", "2:15: description: must be one line of text"),
    ("Acme's webhooks.", "Two\\nlines", "2:15: description: must be one line of text"),
    (
        "\"evt_\"",
        "\"evt-\"",
        "5:9: ids.event: must be letters, digits and '_', end with '_', and have 24 characters at most; or be empty",
    ),
    (
        "\"dlv_\"",
        "\"dlv\"",
        "6:12: ids.delivery: must be letters, digits and '_', end with '_', and have 24 characters at most; or be empty",
    ),
    (
        "\"ep_\"",
        "\"_\"",
        "7:12: ids.endpoint: must be letters, digits and '_', end with '_', and have 24 characters at most; or be empty",
    ),
    (
        "\"ep_\"",
        "\"abcdefghijklmnopqrstuvwxyz_\"",
        "7:12: ids.endpoint: must be letters, digits and '_', end with '_', and have 24 characters at most; or be empty",
    ),
];

const RATE_LIMITS: &[Refusal] = &[
    (
        "https_only = true",
        "https_only = true\nrate_limit = [{ requests = 0, seconds = 1 }]",
        "11:28: endpoint.rate_limit[0].requests: must be 1 to 1000000000 requests, and is 0",
    ),
    (
        "https_only = true",
        "https_only = true\nrate_limit = [{ requests = 1, seconds = 0 }]",
        "11:41: endpoint.rate_limit[0].seconds: must be 1 to 86400 s, and is 0",
    ),
    (
        "https_only = true",
        "https_only = true\nrate_limit = [\n  { requests = 1, seconds = 1 },\n  { requests = 2, seconds = 1 },\n]",
        "13:3: endpoint.rate_limit[1]: another window has the same length",
    ),
];

const HEADERS: &[Refusal] = &[
    (
        "[request]",
        "[request]\nuser_agent = \"\"",
        "13:14: request.user_agent: must be printable ASCII, without spaces around it",
    ),
    (
        "[request]",
        "[request]\nuser_agent = \"Äcme\"",
        "13:14: request.user_agent: must be printable ASCII, without spaces around it",
    ),
    (
        "[request]",
        "[request]\ncontent_type = \" application/json\"",
        "13:16: request.content_type: must be printable ASCII, without spaces around it",
    ),
    (
        "\"X-Acme-Id\"",
        "\"X Acme\"",
        "14:12: request.headers[0].name: \"X Acme\" is no header name (RFC 9110, 5.1)",
    ),
    (
        "\"X-Acme-Id\"",
        "\"\"",
        "14:12: request.headers[0].name: \"\" is no header name (RFC 9110, 5.1)",
    ),
    (
        "\"X-Acme-Id\"",
        "\"Host\"",
        "14:12: request.headers[0].name: the header Host is not for a contract to decide",
    ),
    (
        "\"X-Acme-Id\"",
        "\"CONTENT-LENGTH\"",
        "14:12: request.headers[0].name: the header CONTENT-LENGTH is not for a contract to decide",
    ),
    (
        "\"X-Acme-Id\"",
        "\"Transfer-Encoding\"",
        "14:12: request.headers[0].name: the header Transfer-Encoding is not for a contract to decide",
    ),
    (
        "\"X-Acme-Id\"",
        "\"connection\"",
        "14:12: request.headers[0].name: the header connection is not for a contract to decide",
    ),
    (
        "\"X-Acme-Id\"",
        "\"Content-Type\"",
        "14:12: request.headers[0].name: the header Content-Type has a key of its own: request.content_type",
    ),
    (
        "\"X-Acme-Id\"",
        "\"user-agent\"",
        "14:12: request.headers[0].name: the header user-agent has a key of its own: request.user_agent",
    ),
    (
        "\"X-Acme-Id\"",
        "\"traceparent\"",
        "14:12: request.headers[0].name: the header traceparent has a key of its own: request.traceparent",
    ),
    (
        "\"{delivery.id}\" },",
        "\"{delivery.id}\" },\n  { name = \"x-acme-id\", value = \"1\" },",
        "15:12: request.headers[1].name: the header is there twice",
    ),
    (
        "\"X-Acme-Id\"",
        "\"x-acme-signature\"",
        "22:10: signatures[0].header: the header is among request.headers, too",
    ),
    (
        "\"{delivery.id}\"",
        "\"{delivery}\"",
        "14:33: request.headers[0].value: unknown variable {delivery}, expected one of {delivery.id}, {delivery.uuid}, {event.type}, {event.type.slashes}, {event.id}, {endpoint.id}, {timestamp}",
    ),
    (
        "\"{delivery.id}\"",
        "\"{body}\"",
        "14:33: request.headers[0].value: unknown variable {body}, expected one of {delivery.id}, {delivery.uuid}, {event.type}, {event.type.slashes}, {event.id}, {endpoint.id}, {timestamp}",
    ),
    (
        "\"{delivery.id}\"",
        "\"{delivery.id\"",
        "14:33: request.headers[0].value: a brace is not closed; write {{ or }} for the brace itself",
    ),
    (
        "\"{delivery.id}\"",
        "\"delivery.id}\"",
        "14:33: request.headers[0].value: a brace is not closed; write {{ or }} for the brace itself",
    ),
    (
        "\"{delivery.id}\"",
        "\"é\"",
        "14:33: request.headers[0].value: must be printable ASCII, without spaces around it",
    ),
    (
        "\"{delivery.id}\"",
        "\"{delivery.id} \"",
        "14:33: request.headers[0].value: must be printable ASCII, without spaces around it",
    ),
];

//! Refusals: bodies, signatures, secrets.

use super::{Refusal, assert_refused};

#[test]
fn bodies() {
    assert_refused(BODIES);
}

#[test]
fn signatures() {
    assert_refused(SIGNATURES);
}

#[test]
fn secrets() {
    assert_refused(SECRETS);
}

const BODIES: &[Refusal] = &[
    (
        "body = [\n  { key = \"type\", from = \"event.type\" },\n  { key = \"data\", from = \"payload\" },\n]",
        "body = \"data\"",
        "16:8: request.body: must be \"payload\" or a list of keys, and is \"data\"",
    ),
    (
        "body = [\n  { key = \"type\", from = \"event.type\" },\n  { key = \"data\", from = \"payload\" },\n]",
        "body = []",
        "16:8: request.body: no key is from \"payload\": events would say nothing",
    ),
    (
        "\"payload\"",
        "\"event.id\"",
        "16:8: request.body: no key is from \"payload\": events would say nothing",
    ),
    (
        "from = \"event.type\"",
        "from = \"event.name\"",
        "17:26: request.body[0].from: unknown field \"event.name\", expected one of event.id, event.type, event.time, delivery.id, delivery.uuid, endpoint.id, payload",
    ),
    (
        "from = \"event.type\"",
        "from = \"event.type\", text = \"a\"",
        "17:3: request.body[0]: must have one of from, text, json",
    ),
    (
        "key = \"type\", from = \"event.type\"",
        "key = \"type\"",
        "17:3: request.body[0]: must have one of from, text, json",
    ),
    (
        "from = \"event.type\"",
        "from = \"event.type\", format = \"rfc3339\"",
        "17:49: request.body[0].format: is for from = \"event.time\" only",
    ),
    (
        "from = \"event.type\"",
        "text = \"a\", format = \"rfc3339\"",
        "17:40: request.body[0].format: is for from = \"event.time\" only",
    ),
    (
        "from = \"event.type\"",
        "from = \"event.time\", format = \"iso\"",
        "17:49: request.body[0].format: unknown format \"iso\", expected one of rfc3339, unix-seconds",
    ),
    (
        "from = \"event.type\"",
        "json = '{'",
        "17:26: request.body[0].json: must be one JSON value: EOF while parsing an object at line 1 column 1",
    ),
    (
        "from = \"event.type\"",
        "json = '[1, 1e400]'",
        "17:26: request.body[0].json: JavaScript cannot hold the number 1e400",
    ),
    ("key = \"data\"", "key = \"type\"", "18:11: request.body[1].key: is there twice"),
    (
        "key = \"data\"",
        "key = \"0\"",
        "18:11: request.body[1].key: JavaScript puts keys that are array indices first, in ascending order; so must the list",
    ),
];

const SIGNATURES: &[Refusal] = &[
    (
        "header = \"X-Acme-Signature\"",
        "header = \"Date\"",
        "22:10: signatures[0].header: the header Date is not for a contract to decide",
    ),
    (
        "\"{body}\"",
        "\"{delivery.id}\"",
        "23:11: signatures[0].content: must have {body} in it, once",
    ),
    (
        "\"{body}\"",
        "\"{body}{body}\"",
        "23:11: signatures[0].content: must have {body} in it, once",
    ),
    (
        "\"{body}\"",
        "\"{payload}\"",
        "23:11: signatures[0].content: unknown variable {payload}, expected one of {delivery.id}, {delivery.uuid}, {timestamp}, {body}",
    ),
    (
        "\"{body}\"",
        "\"{timestamp}.{body}\"",
        "23:11: signatures[0].content: no header tells receivers the {timestamp} that is signed",
    ),
    (
        "\"{body}\"",
        "\"{delivery.uuid}.{body}\"",
        "23:11: signatures[0].content: no header tells receivers the {delivery.uuid} that is signed",
    ),
    (
        "\"hmac-sha256\"",
        "\"md5\"",
        "24:13: signatures[0].algorithm: unknown algorithm \"md5\", expected one of hmac-sha1, hmac-sha256, hmac-sha512, ed25519",
    ),
    (
        "\"hmac-sha256\"",
        "\"ed25519\"",
        "24:13: signatures[0].algorithm: ed25519 needs a secret with key = \"ed25519\", and there is none\n28:1: secret[0]: no signature uses a secret of this form",
    ),
    (
        "\nencoding = \"hex\"",
        "\nencoding = \"base32\"",
        "25:12: signatures[0].encoding: unknown encoding \"base32\", expected one of hex, base64",
    ),
    (
        "\"{signature}\"",
        "\"sha256=\"",
        "26:9: signatures[0].value: must have {signature} in it, once",
    ),
    (
        "\"{signature}\"",
        "\"{signature}{signature}\"",
        "26:9: signatures[0].value: must have {signature} in it, once",
    ),
    (
        "\"{signature}\"",
        "\"t={timestamp},{signature}\"",
        "26:9: signatures[0].value: unknown variable {timestamp}, expected one of {signature}",
    ),
    (
        "\"{signature}\"",
        "\"{signature}\"\nprefix = \"t={event.type},\"",
        "27:10: signatures[0].prefix: unknown variable {event.type}, expected one of {delivery.id}, {delivery.uuid}, {timestamp}",
    ),
    (
        "\"{signature}\"",
        "\"{signature}\"\nseparator = \"\"",
        "27:13: signatures[0].separator: must be a space or one punctuation mark that is not in base64",
    ),
    (
        "\"{signature}\"",
        "\"{signature}\"\nseparator = \"=\"",
        "27:13: signatures[0].separator: must be a space or one punctuation mark that is not in base64",
    ),
    (
        "\"{signature}\"",
        "\"v1,{signature}\"\nseparator = \",\"",
        "27:13: signatures[0].separator: must not stand in value",
    ),
    (
        "\"{signature}\"",
        "\"{signature}\"\nsecret = \"third\"",
        "27:10: signatures[0].secret: unknown secret \"third\", expected one of first, second",
    ),
    (
        "\"{signature}\"",
        "\"{signature}\"\nsecret = \"second\"",
        "27:10: signatures[0].secret: there is no [[second_secret]]\n29:1: secret[0]: no signature uses a secret of this form",
    ),
];

const SECRETS: &[Refusal] = &[
    (
        "key = \"text\"",
        "key = \"utf8\"",
        "29:7: secret[0].key: unknown key \"utf8\", expected one of text, base64, ed25519",
    ),
    (
        "key = \"text\"",
        "key = \"base64\"",
        "28:1: secret[0]: must have a prefix, by which secrets of this form are known",
    ),
    (
        "key = \"text\"",
        "key = \"ed25519\"\nprefix = \"sk_\"\npublic_prefix = \"pk_\"",
        "24:13: signatures[0].algorithm: hmac-sha256 needs a secret with key = \"text\" or \"base64\", and there is none\n28:1: secret[0]: no signature uses a secret of this form",
    ),
    (
        "key = \"text\"",
        "key = \"ed25519\"\nprefix = \"sk_\"",
        "28:1: secret[0]: must have a public_prefix, which public keys start with",
    ),
    (
        "key = \"text\"",
        "key = \"base64\"\nprefix = \"wh sec\"",
        "30:10: secret[0].prefix: must be letters, digits, '_' and '-', 24 at most",
    ),
    (
        "key = \"text\"",
        "key = \"base64\"\nprefix = \"s_\"\nencoding = \"hex\"",
        "31:12: secret[0].encoding: means nothing with this key",
    ),
    (
        "key = \"text\"",
        "key = \"text\"\npublic_prefix = \"pk_\"",
        "30:17: secret[0].public_prefix: means nothing with this key",
    ),
    (
        "key = \"text\"",
        "key = \"text\"\nrandom_bytes = 15",
        "30:16: secret[0].random_bytes: must be 16 to 64 bytes, and is 15",
    ),
    (
        "key = \"text\"",
        "key = \"text\"\nrandom_bytes = 65",
        "30:16: secret[0].random_bytes: must be 16 to 64 bytes, and is 65",
    ),
    (
        "key = \"text\"",
        "key = \"text\"\nmin_bytes = 0",
        "30:13: secret[0].min_bytes: must be 1 to 1024 bytes, and is 0",
    ),
    (
        "key = \"text\"",
        "key = \"text\"\nmax_bytes = 1025",
        "30:13: secret[0].max_bytes: must be 1 to 1024 bytes, and is 1025",
    ),
    (
        "key = \"text\"",
        "key = \"text\"\nmin_bytes = 20\nmax_bytes = 10",
        "28:1: secret[0]: min_bytes is more than max_bytes",
    ),
    (
        "key = \"text\"",
        "key = \"text\"\nmax_bytes = 40",
        "28:1: secret[0]: would generate 64 bytes and accepts only 1 to 40",
    ),
    (
        "key = \"text\"",
        "key = \"text\"\nencoding = \"base32\"",
        "30:12: secret[0].encoding: unknown encoding \"base32\", expected one of hex, base64",
    ),
    (
        "key = \"text\"",
        "key = \"text\"\n\n[[secret]]\nkey = \"base64\"\nprefix = \"s_\"",
        "31:1: secret[1]: no secret could be of this form: an earlier one takes them all",
    ),
    (
        "[delivery]",
        "[[second_secret]]\nkey = \"text\"\n\n[delivery]",
        "31:1: second_secret[0]: no signature uses a secret of this form",
    ),
];

//! Bodies as they are written, and what JavaScript makes of them.

use super::constant;
use crate::contract::Contract;
use crate::contract::tests::sample::{delivery, minimal_with, parse};
use crate::contracts::Contracts;
use crate::json::normalise_object;
use crate::json::tests::generate::{document, extreme_documents};
use crate::json::tests::node::{generated, round_trips};
use crate::request::DeliveryView;

/// A contract with a body of every kind of key, some of them hard to write.
fn everything() -> Contract {
    let keys = r#"
  { key = "0", json = '{"b":[1.0, "\u00e9"],"1":null}' },
  { key = "10", text = "\"quoted\" \\ \u0001 é" },
  { key = "quoted \" \\ \u0007 é", json = 'true' },
  { key = "__proto__", json = '-1.5e-7' },
  { key = "event", from = "event.id" },
  { key = "type", from = "event.type" },
  { key = "at", from = "event.time" },
  { key = "seconds", from = "event.time", format = "unix-seconds" },
  { key = "delivery", from = "delivery.id" },
  { key = "uuid", from = "delivery.uuid" },
  { key = "endpoint", from = "endpoint.id" },
  { key = "data", from = "payload" },
"#;
    parse(&minimal_with(
        "\n  { key = \"type\", from = \"event.type\" },\n  { key = \"data\", from = \"payload\" },\n",
        keys,
    ))
}

fn body(contract: &Contract, delivery: &DeliveryView<'_>) -> String {
    String::from_utf8(contract.body(delivery).unwrap().to_vec()).unwrap()
}

#[test]
fn every_kind_of_key_is_written_in_its_form() {
    let mut delivery = delivery();
    delivery.endpoint_id = "a\"b\n\u{1f}é";
    assert_eq!(
        body(&everything(), &delivery),
        concat!(
            r#"{"0":{"1":null,"b":[1,"é"]},"10":"\"quoted\" \\ \u0001 é","#,
            r#""quoted \" \\ \u0007 é":true,"__proto__":-1.5e-7,"#,
            r#""event":"evt_0193f7a4-6f3e-7000-8000-00000000000e","type":"thing.done","#,
            r#""at":"2024-01-20T15:00:00Z","seconds":1705762800,"#,
            r#""delivery":"dlv_0193f7a4-6f3e-7000-8000-00000000000d","#,
            r#""uuid":"0193f7a4-6f3e-7000-8000-00000000000d","#,
            r#""endpoint":"a\"b\n\u001fé","data":{"b":1,"a":"ü\n"}}"#
        )
    );
}

#[test]
fn times_before_1970_are_rounded_down_too() {
    let mut delivery = delivery();
    delivery.event.occurred_at = time::macros::datetime!(1969-12-31 23:59:58.5 UTC);
    let body = body(&everything(), &delivery);
    assert!(body.contains(r#""at":"1969-12-31T23:59:58Z","seconds":-2,"#), "{body}");
}

#[test]
fn a_time_that_rfc_3339_has_not_is_an_error() {
    let mut delivery = delivery();
    delivery.event.occurred_at = time::macros::datetime!(-0001-01-01 00:00 UTC);
    assert!(everything().body(&delivery).is_err());
}

#[test]
fn bodies_are_what_javascript_gives() {
    let mut payloads = generated(60, &document());
    payloads.extend(extreme_documents());
    let contracts = Contracts::built_in();
    let own = everything();
    let all = contracts.iter().map(AsRef::as_ref).chain([&own]);
    let mut bodies = Vec::new();
    for contract in all {
        for payload in &payloads {
            let payload = normalise_object(payload.as_bytes()).unwrap();
            let mut delivery = delivery();
            delivery.event.payload = payload.as_bytes();
            delivery.endpoint_id = "\u{2028} \" \\ \t é";
            bodies.push(body(contract, &delivery));
        }
    }
    for (body, javascript) in bodies.iter().zip(round_trips(&bodies)) {
        assert_eq!(Some(body.as_str()), javascript.as_deref());
    }
}

#[test]
fn constants_take_javascripts_form() {
    for (written, expected) in [
        (" [ 1.0 , 1E2 ] ", "[1,100]"),
        (r#"{"b":1,"a":"\u00e9"}"#, r#"{"b":1,"a":"é"}"#),
        (r#""-12345678901234567890 \" 1e999""#, r#""-12345678901234567890 \" 1e999""#),
        (r#"["\\", 1]"#, r#"["\\",1]"#),
        ("null", "null"),
        ("[true,false,-0.0]", "[true,false,0]"),
    ] {
        assert_eq!(constant::value(written).as_deref(), Ok(expected));
    }
    for (written, message) in [
        ("12345678901234567890", "JavaScript cannot hold the number 12345678901234567890"),
        (r#"{"a":[1e400]}"#, "JavaScript cannot hold the number 1e400"),
        ("9007199254740993", "JavaScript cannot hold the number 9007199254740993"),
        ("1,\"x\":2", "must be one JSON value: trailing characters at line 1 column 2"),
        ("", "must be one JSON value: EOF while parsing a value at line 1 column 0"),
        (r#"{"a":1,"a":2}"#, "must be one JSON value: duplicate key \"a\" at byte 12"),
    ] {
        assert_eq!(constant::value(written).unwrap_err().to_string(), message);
    }
}

//! Each rule of the normal form, and each refusal, as a table. What no table foresees is beside it:
//! properties of generated text, and a comparison with a JavaScript engine.

pub(crate) mod generate;
pub(crate) mod node;
mod properties;

use super::{Expected, JsonError, MAX_DEPTH, normalise_object};

fn normal(text: &str) -> String {
    let normal = normalise_object(text.as_bytes()).unwrap_or_else(|error| {
        panic!("{error}: {text}");
    });
    String::from_utf8(normal.as_bytes().to_vec()).unwrap()
}

fn refusal(text: &str) -> JsonError {
    normalise_object(text.as_bytes()).expect_err(text)
}

#[track_caller]
fn assert_value(written: &str, expected: &str) {
    let text = format!("{{\"v\":{written}}}");
    assert_eq!(normal(&text), format!("{{\"v\":{expected}}}"));
}

#[test]
fn numbers_take_javascript_form_where_it_is_the_same_number() {
    for (written, expected) in [
        ("0", "0"),
        ("-0", "0"),
        ("-0.0", "0"),
        ("0e999999999999999999999", "0"),
        ("0.000E-7", "0"),
        ("1.0", "1"),
        ("-1.50", "-1.5"),
        ("1E2", "100"),
        ("1e+2", "100"),
        ("1e-0", "1"),
        ("100e-2", "1"),
        ("0.10", "0.1"),
        ("0.1", "0.1"),
        ("0.000001", "0.000001"),
        ("0.0000001", "1e-7"),
        ("1e-7", "1e-7"),
        ("1e20", "100000000000000000000"),
        ("1e21", "1e+21"),
        ("999999999999999934464", "999999999999999934464"),
        ("1000000000000000000000", "1e+21"),
        ("-1000000000000000000000", "-1e+21"),
        ("1e23", "1e+23"),
        ("999999999999999", "999999999999999"),
        ("-99999999999999", "-99999999999999"),
        ("9007199254740991", "9007199254740991"),
        ("9007199254740992.0", "9007199254740992"),
        ("123456789012345680000", "123456789012345680000"),
        ("1.7976931348623157e308", "1.7976931348623157e+308"),
        ("5E-324", "5e-324"),
        ("0.05e-322", "5e-324"),
    ] {
        assert_value(written, expected);
    }
}

#[test]
fn numbers_that_javascript_would_change_stay_as_written() {
    for written in [
        "9007199254740993",
        "12345678901234567890",
        "-12345678901234567890.0",
        "0.1000000000000000055511151231257827",
        "0.30000000000000004440",
        "2.00000000000000000000000000001E0",
        "1e400",
        "-1E+400",
        "1e-400",
        "-1e-400",
        "3e-324",
        "1.7976931348623159e308",
        "1e999999999999999999999999999999",
        "1e-999999999999999999999999999999",
        "1e9223372036854775807",
        "10e-9223372036854775809",
    ] {
        assert_value(written, written);
    }
}

#[test]
fn number_as_long_as_a_payload_is_compared_exactly() {
    let zeros = "0".repeat(250_000);
    assert_value(&format!("0.{zeros}1e250001"), "1");
    assert_value(&format!("15{zeros}e-250001"), "1.5");
    assert_value(&format!("1.{zeros}"), "1");
    let not_one = format!("1.{zeros}1");
    assert_value(&not_one, &not_one);
}

#[test]
fn strings_are_escaped_only_where_they_must_be() {
    for (written, expected) in [
        (r"\u0008\u0009\u000a\u000C\u000d", r"\b\t\n\f\r"),
        (r"\b\t\n\f\r", r"\b\t\n\f\r"),
        (r"\u0000\u001F\u000b", r"\u0000\u001f\u000b"),
        (r#"\"\\\/"#, r#"\"\\/"#),
        (r"\u0022\u005c\u002F", r#"\"\\/"#),
        (r"\u0020\u0041\u007f\u0080", " A\u{7f}\u{80}"),
        (r"\u00e9\u20AC\uFFFF", "é€\u{ffff}"),
        (r"\u2028\u2029", "\u{2028}\u{2029}"),
        ("é€😀\u{feff}\u{2028}", "é€😀\u{feff}\u{2028}"),
        (r"\uD83D\uDE00", "😀"),
        (r"\ud800\udc00\uDBFF\uDFFF", "\u{10000}\u{10ffff}"),
        (r"\\ud800", r"\\ud800"),
    ] {
        assert_value(&format!("\"{written}\""), &format!("\"{expected}\""));
    }
}

#[test]
fn lone_surrogates_stay_as_lower_case_escapes() {
    for (written, expected) in [
        (r"\uD800", r"\ud800"),
        (r"\uDFFFx", r"\udfffx"),
        (r"\uDE00\uD83D", r"\ude00\ud83d"),
        (r"\uD83D\uD83D\uDE00", "\\ud83d😀"),
        (r"\uD83D\u0041", r"\ud83dA"),
        (r"\uD83D\n\uDE00", r"\ud83d\n\ude00"),
        (r"\uD83D😀", "\\ud83d😀"),
    ] {
        assert_value(&format!("\"{written}\""), &format!("\"{expected}\""));
    }
}

#[test]
fn array_index_keys_come_first_in_ascending_order() {
    for (written, expected) in [
        (r#"{"b":1,"a":2}"#, r#"{"b":1,"a":2}"#),
        (r#"{"b":1,"1":2}"#, r#"{"1":2,"b":1}"#),
        (r#"{"10":1,"9":2,"0":3}"#, r#"{"0":3,"9":2,"10":1}"#),
        (
            r#"{"a":0,"4294967295":1,"4294967294":2,"4294967296":3,"01":4,"-1":5,"1.0":6,"":7}"#,
            r#"{"4294967294":2,"a":0,"4294967295":1,"4294967296":3,"01":4,"-1":5,"1.0":6,"":7}"#,
        ),
        (r#"{"a":1,"\u0031":2}"#, r#"{"1":2,"a":1}"#),
        (
            r#"{"x":[{"b":1,"2":{"c":1,"1":2}}],"0":[2,1]}"#,
            r#"{"0":[2,1],"x":[{"2":{"1":2,"c":1},"b":1}]}"#,
        ),
        (r#"{"__proto__":{"toJSON":1},"0":1}"#, r#"{"0":1,"__proto__":{"toJSON":1}}"#),
    ] {
        assert_eq!(normal(written), expected);
    }
}

#[test]
fn white_space_goes_and_words_stay() {
    assert_eq!(
        normal(" \t\r\n{ \"a\" : [ true , false , null , { } , [ ] ] , \"b c\" : 1 }\n"),
        r#"{"a":[true,false,null,{},[]],"b c":1}"#
    );
    assert_eq!(normal("{ }"), "{}");
}

#[test]
fn what_is_not_json_is_refused_with_place_and_expectation() {
    for (text, offset, expected) in [
        ("{", 1, Expected::KeyOrEnd),
        ("{a:1}", 1, Expected::KeyOrEnd),
        ("{'a':1}", 1, Expected::KeyOrEnd),
        (r#"{"a":1,}"#, 7, Expected::Key),
        (r#"{"a" 1}"#, 5, Expected::Colon),
        (r#"{"a":}"#, 5, Expected::Value),
        (r#"{"a":[1,]}"#, 8, Expected::Value),
        (r#"{"a":nul}"#, 5, Expected::Value),
        (r#"{"a":NaN}"#, 5, Expected::Value),
        (r#"{"a":+1}"#, 5, Expected::Value),
        (r#"{"a":.5}"#, 5, Expected::Value),
        ("{\"a\":\u{a0}1}", 5, Expected::Value),
        (r#"{"a":01}"#, 6, Expected::CommaOrBrace),
        (r#"{"a":nullx}"#, 9, Expected::CommaOrBrace),
        (r#"{"a":1 "b":2}"#, 7, Expected::CommaOrBrace),
        (r#"{"a":[1 2]}"#, 8, Expected::CommaOrBracket),
        (r#"{"a":[1}"#, 7, Expected::CommaOrBracket),
        (r#"{"a":-}"#, 6, Expected::Digit),
        (r#"{"a":1.}"#, 7, Expected::Digit),
        (r#"{"a":1e}"#, 7, Expected::Digit),
        (r#"{"a":1e+-1}"#, 8, Expected::Digit),
        (r#"{"\x":1}"#, 3, Expected::Escape),
        (r#"{"\"#, 3, Expected::Escape),
        (r#"{"\u12g4":1}"#, 4, Expected::FourHexDigits),
        (r#"{"\u+123":1}"#, 4, Expected::FourHexDigits),
        (r#"{"\ud83d\u":1}"#, 10, Expected::FourHexDigits),
        ("{\"a\nb\":1}", 3, Expected::EscapedControl),
        ("{\"a\":\"\u{0}\"}", 6, Expected::EscapedControl),
        (r#"{"a"#, 3, Expected::ClosingQuote),
    ] {
        assert_eq!(refusal(text), JsonError::NotJson { offset, expected }, "{text}");
    }
}

#[test]
fn control_characters_must_be_escaped_and_are_no_space() {
    for control in '\0'..' ' {
        let expected = Expected::EscapedControl;
        let raw = format!("{{\"{control}\":1}}");
        assert_eq!(refusal(&raw), JsonError::NotJson { offset: 2, expected });
        let between = format!("{{\"a\":{control}1}}");
        let is_space = matches!(control, '\t' | '\n' | '\r');
        assert_eq!(normalise_object(between.as_bytes()).is_ok(), is_space, "{control:?}");
    }
}

#[test]
fn only_one_object_without_byte_order_mark_is_accepted() {
    for (text, offset) in [("", 0), ("  ", 2), ("[{}]", 0), (" null", 1), ("\"{}\"", 0)] {
        assert_eq!(refusal(text), JsonError::NotAnObject { offset }, "{text}");
    }
    assert_eq!(refusal("\u{feff}{}"), JsonError::ByteOrderMark);
    assert_eq!(refusal("{} {}"), JsonError::TrailingData { offset: 3 });
    assert_eq!(refusal("{}\0"), JsonError::TrailingData { offset: 2 });
    let surrogate_in_utf8 = b"{\"a\":\"\xed\xa0\x80\"}";
    assert_eq!(normalise_object(surrogate_in_utf8).unwrap_err(), JsonError::NotUtf8 { offset: 6 });
}

#[test]
fn same_key_in_another_spelling_is_a_duplicate() {
    for (text, offset, key) in [
        (r#"{"a":1,"b":2,"a":3}"#, 13, "a"),
        (r#"{"a":1,"\u0061":2}"#, 7, "a"),
        (r#"{"1":1,"a":0,"1":2}"#, 13, "1"),
        (r#"{"x":[{"/":1,"\/":2}]}"#, 13, "/"),
        (r#"{"\n":1,"\u000A":2}"#, 8, r"\n"),
        (r#"{"\ud83d\ude00":1,"😀":2}"#, 18, "😀"),
        (r#"{"\uD800":1,"\ud800":2}"#, 12, r"\ud800"),
    ] {
        let key = key.to_owned();
        assert_eq!(refusal(text), JsonError::DuplicateKey { offset, key }, "{text}");
    }
    let lone_surrogates = r#"{"\ud800":1,"\ud801":2,"\udc00":3,"\\ud800":4}"#;
    assert_eq!(normal(lone_surrogates), lone_surrogates);
    let same_key_in_other_objects = r#"{"a":{"a":1},"b":{"a":[{"a":2}]}}"#;
    assert_eq!(normal(same_key_in_other_objects), same_key_in_other_objects);
}

#[test]
fn duplicate_is_found_in_objects_of_every_size() {
    for size in [1, 15, 16, 17, 18, 1000] {
        let members: Vec<_> = (0..size).map(|n| format!("\"k{n}\":{n},")).collect();
        let members = members.concat();
        let unique = format!("{{{members}\"last\":0}}");
        assert_eq!(normal(&unique), unique);
        let repeated = format!("{{{members}\"k0\":0}}");
        assert!(matches!(
            refusal(&repeated),
            JsonError::DuplicateKey { offset, key } if offset == members.len() + 1 && key == "k0"
        ));
    }
}

#[test]
fn long_duplicate_key_is_cut_between_characters() {
    let key = "é".repeat(1000);
    let text = format!("{{\"{key}\":1,\"{key}\":2}}");
    let message = refusal(&text).to_string();
    let shown = "é".repeat(40);
    assert_eq!(message, format!("duplicate key \"{shown}…\" at byte 2006"));
}

#[test]
fn nesting_is_accepted_up_to_the_limit() {
    let objects = |depth: usize| r#"{"":"#.repeat(depth - 1) + "{}" + &"}".repeat(depth - 1);
    let arrays = |depth: usize| {
        let inner = depth - 1;
        format!("{{\"\":{}{}}}", "[".repeat(inner), "]".repeat(inner))
    };
    for text in [objects(MAX_DEPTH), arrays(MAX_DEPTH)] {
        assert_eq!(normal(&text), text);
    }
    let offset = MAX_DEPTH * r#"{"":"#.len();
    assert_eq!(refusal(&objects(MAX_DEPTH + 1)), JsonError::TooDeep { offset });
    let offset = r#"{"":"#.len() + MAX_DEPTH - 1;
    assert_eq!(refusal(&arrays(MAX_DEPTH + 1)), JsonError::TooDeep { offset });
    assert_eq!(refusal(&objects(100_000)).to_string(), "nested deeper than 128 levels at byte 512");
}

#[test]
fn refusals_read_as_field_violations() {
    for (text, message) in [
        ("[]", "not a JSON object: expected `{` at byte 0"),
        ("{\"a\":1,}", "not JSON: expected a quoted key at byte 7"),
        ("{\"a\":tru}", "not JSON: expected a value at byte 5"),
        ("{}}", "text after the end of the JSON object at byte 2"),
        ("{\"a\":1,\"a\":2}", "duplicate key \"a\" at byte 7"),
        ("\u{feff}{}", "starts with a byte order mark"),
    ] {
        assert_eq!(refusal(text).to_string(), message);
    }
}

#[test]
fn debug_shows_no_payload() {
    let normal = normalise_object(br#"{"iban":"DE02"}"#).unwrap();
    assert_eq!(format!("{normal:?}"), "Normalised(15 bytes)");
    assert_eq!(normal.clone().into_bytes(), normal.as_bytes());
}

//! Random JSON text with what tends to break: numbers at the edges of a double, every kind of
//! escape, lone and paired surrogates, keys that look like integers, and odd white space.
//!
//! It makes text, not values, and shares no code with what it tests.

use std::collections::HashSet;

use proptest::prelude::*;
use proptest::sample::{Index, select};

/// A string's content as it is spelled between quotes, and the code units that it means.
#[derive(Debug, Clone, Default)]
pub(super) struct Spelled {
    pub(super) text: String,
    pub(super) units: Vec<u16>,
}

impl Spelled {
    fn raw(text: &str) -> Self {
        Self { text: text.to_owned(), units: text.encode_utf16().collect() }
    }

    fn escaped(unit: u16, upper: bool) -> Self {
        let text = if upper { format!("\\u{unit:04X}") } else { format!("\\u{unit:04x}") };
        Self { text, units: vec![unit] }
    }

    fn join(pieces: Vec<Self>) -> Self {
        pieces.into_iter().fold(Self::default(), |mut all, piece| {
            all.text += &piece.text;
            all.units.extend(piece.units);
            all
        })
    }

    /// The same string with every code unit escaped.
    pub(super) fn in_escapes(&self) -> String {
        let units = self.units.iter();
        units.map(|&unit| Self::escaped(unit, true).text).collect()
    }
}

/// Objects, nested and with unique keys, between white space.
pub(crate) fn document() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => number(),
        3 => string().prop_map(|spelled| format!("\"{}\"", spelled.text)),
        1 => select(vec!["true", "false", "null", "{}", "[]"]).prop_map(str::to_owned),
    ];
    let value = leaf
        .clone()
        .prop_recursive(5, 24, 6, |inner| prop_oneof![array(inner.clone()), object(inner, 8)]);
    let object = prop_oneof![9 => object(value, 8), 1 => object(leaf, 40)];
    (space(), object, space()).prop_map(|(before, object, after)| before + &object + &after)
}

/// A document in which a few characters were put in, taken out or replaced: mostly not JSON.
pub(super) fn damaged_document() -> impl Strategy<Value = String> {
    let characters: Vec<char> =
        "{}[],:\"\\/0123456789eE+-.truefalsn \n\u{1}\u{feff}é😀".chars().collect();
    let damage = (any::<Index>(), select(characters), 0..3);
    (document(), prop::collection::vec(damage, 1..4)).prop_map(|(text, damages)| {
        let mut text: Vec<char> = text.chars().collect();
        for (place, character, kind) in damages {
            let at = place.index(text.len());
            match kind {
                0 => text.insert(at, character),
                1 => text[at] = character,
                _ if text.len() > 1 => drop(text.remove(at)),
                _ => {}
            }
        }
        text.into_iter().collect()
    })
}

/// Documents that a random generator does not find: as deep, wide and long as they may be.
pub(crate) fn extreme_documents() -> Vec<String> {
    let nested =
        |open: &str, close: &str| format!("{{\"a\":{}1.0{}}}", open.repeat(127), close.repeat(127));
    let keys = (0..3000_u64).map(|n| format!("\"{}\":{n}.0", n * 7_919 % 3001 * 2_000_003));
    let zeros = "0".repeat(20_000);
    vec![
        nested("[", "]"),
        nested("{\"b\":2,\"1\":", "}"),
        format!("{{{}}}", keys.collect::<Vec<_>>().join(" , ")),
        format!("{{\"a\":0.{zeros}1e20001,\"b\":1{zeros}e-20000,\"c\":1.{zeros}1}}"),
        format!("{{\"a\":\"{}\"}}", "\\u0041é\\n\\ud83d\\ude00\\ud83d".repeat(5_000)),
    ]
}

pub(super) fn key() -> impl Strategy<Value = Spelled> {
    let special = vec![
        "",
        "01",
        "-0",
        "-1",
        "1.0",
        "1e3",
        "+1",
        "4294967293",
        "4294967294",
        "4294967295",
        "4294967296",
        "9007199254740993",
        "18446744073709551616",
        "__proto__",
        "constructor",
        "toJSON",
        "length",
        "@type",
        "id",
        "ID",
    ];
    prop_oneof![
        2 => select(special).prop_map(Spelled::raw),
        3 => (0..20_u32).prop_map(|index| Spelled::raw(&index.to_string())),
        1 => any::<u32>().prop_map(|index| Spelled::raw(&index.to_string())),
        1 => (0x30..0x3a_u16).prop_map(|digit| Spelled::escaped(digit, false)),
        3 => string(),
    ]
}

fn array(item: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let items = prop::collection::vec((space(), item, space()), 0..6);
    items.prop_map(|items| {
        let items = items.into_iter().map(|(before, item, after)| before + &item + &after);
        format!("[{}]", items.collect::<Vec<_>>().join(","))
    })
}

fn object(value: impl Strategy<Value = String>, members: usize) -> impl Strategy<Value = String> {
    let members = prop::collection::vec((space(), key(), space(), value, space()), 0..=members);
    members.prop_map(|members| {
        let mut seen = HashSet::new();
        let members = members.into_iter().filter_map(|(before, key, colon, value, after)| {
            let text = format!("{before}\"{}\"{colon}:{colon}{value}{after}", key.text);
            seen.insert(key.units).then_some(text)
        });
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    })
}

fn space() -> impl Strategy<Value = String> {
    select(vec!["", "", "", " ", "\n\t", "\r\n  "]).prop_map(str::to_owned)
}

fn string() -> impl Strategy<Value = Spelled> {
    prop::collection::vec(string_piece(), 0..8).prop_map(Spelled::join)
}

fn string_piece() -> impl Strategy<Value = Spelled> {
    let short = vec![
        ("\\\"", '"'),
        ("\\\\", '\\'),
        ("\\/", '/'),
        ("\\b", '\u{8}'),
        ("\\f", '\u{c}'),
        ("\\n", '\n'),
        ("\\r", '\r'),
        ("\\t", '\t'),
    ];
    let raw = prop_oneof![
        prop::char::range(' ', '~'),
        select(vec!['\u{7f}', 'é', '\u{2028}', '\u{2029}', '\u{feff}', '\u{ffff}', '😀']),
        any::<char>(),
    ]
    .prop_filter("needs an escape", |&c| c >= ' ' && c != '"' && c != '\\');
    let unit = prop_oneof![
        0..0x80_u16,
        0xd7fe..0xd802_u16,
        0xdbfe..0xdc02_u16,
        0xdffe..0xe002_u16,
        any::<u16>(),
    ];
    prop_oneof![
        3 => raw.prop_map(|character| Spelled::raw(character.encode_utf8(&mut [0; 4]))),
        1 => select(short).prop_map(|(text, meaning)| Spelled {
            text: text.to_owned(),
            units: vec![u16::try_from(u32::from(meaning)).unwrap()],
        }),
        3 => (unit, any::<bool>()).prop_map(|(unit, upper)| Spelled::escaped(unit, upper)),
    ]
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof![edge_number(), formatted_double(), integer(), loose_number()]
}

fn edge_number() -> impl Strategy<Value = String> {
    select(vec![
        "0",
        "-0",
        "-0.0",
        "0e5",
        "0.0e-400",
        "1.0",
        "1E2",
        "0.10",
        "1e20",
        "1e21",
        "1e22",
        "1e23",
        "1e-6",
        "1e-7",
        "0.0000010",
        "0.00000010",
        "999999999999999900000",
        "1e400",
        "-1e400",
        "1e-400",
        "5e-324",
        "4.9e-324",
        "2e-324",
        "3e-324",
        "2.2250738585072014e-308",
        "2.2250738585072011e-308",
        "1.7976931348623157e308",
        "1.7976931348623158e308",
        "1.7976931348623159e308",
        "9007199254740992",
        "9007199254740993",
        "9007199254740994.0",
        "12345678901234567890",
        "123456789012345680000",
        "18446744073709551616",
        "0.1000000000000000055511151231257827021181583404541015625",
        "0.30000000000000004",
        "1e99999999999999999999999",
        "-1e-99999999999999999999999",
        "0e99999999999999999999999",
    ])
    .prop_map(str::to_owned)
}

/// Any finite double in several notations, some with zeros that mean nothing.
fn formatted_double() -> impl Strategy<Value = String> {
    let double = any::<u64>().prop_map(f64::from_bits);
    let double = double.prop_filter("JSON has no such number", |double| double.is_finite());
    (double, 0..5).prop_map(|(double, notation)| match notation {
        0 => format!("{double:e}"),
        1 => format!("{double:.20E}"),
        2 => format!("{double}"),
        3 => format!("{double:.3}"),
        _ => format!("{double:.16e}"),
    })
}

/// Integers around the powers of two and ten at which exactness or notation changes.
fn integer() -> impl Strategy<Value = String> {
    let centres = vec![1_i128 << 53, 1 << 54, 1 << 63, 1 << 64, 10_i128.pow(15), 10_i128.pow(21)];
    (select(centres), -40..40_i128, any::<bool>(), select(vec!["", ".0", "e0", "E+1"])).prop_map(
        |(centre, distance, negative, tail)| {
            let sign = if negative { "-" } else { "" };
            format!("{sign}{}{tail}", centre + distance)
        },
    )
}

/// Any number that the grammar allows, with up to 25 digits on either side of the point.
fn loose_number() -> impl Strategy<Value = String> {
    let digits = |least| prop::collection::vec(select(b"00013579".to_vec()), least..25);
    let exponent = (select(vec!["e", "E", "e+", "E-"]), 0..340_u32, select(vec!["", "00"]));
    (any::<bool>(), digits(0), prop::option::of(digits(1)), prop::option::of(exponent)).prop_map(
        |(negative, whole, fraction, exponent)| {
            let ascii = |digits: Vec<u8>| String::from_utf8(digits).unwrap();
            let whole = ascii(whole);
            let whole = match whole.trim_start_matches('0') {
                "" => "0",
                digits => digits,
            };
            let sign = if negative { "-" } else { "" };
            let fraction = fraction.map_or(String::new(), |digits| ".".to_owned() + &ascii(digits));
            let exponent =
                exponent.map_or(String::new(), |(e, size, zeros)| format!("{e}{zeros}{size}"));
            format!("{sign}{whole}{fraction}{exponent}")
        },
    )
}

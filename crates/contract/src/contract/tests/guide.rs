//! The operators' guide says what is: its example is a contract, and its tables list the keys that
//! there are, required or not.

use super::sample::{delivery, parse};
use crate::contract::Contract;
use std::collections::BTreeMap;

const GUIDE: &str = include_str!("../../../../../docs/contracts.md");

/// Table of the guide; where another key can be put into the example, and after what.
const TABLES: [(&str, &str); 13] = [
    ("The file", ""),
    ("`ids`", "[ids]\n"),
    ("`endpoint`", "[endpoint]\n"),
    ("`endpoint.rate_limit`", "{ requests = 600, "),
    ("`request`", "[request]\n"),
    ("`request.headers`", "{ name = \"X-Acme-Event\", "),
    ("`request.body`", "{ key = \"version\", "),
    ("`signatures`", "[[signatures]]\n"),
    ("`secret`", "[[secret]]\n"),
    ("`delivery`", "[delivery]\n"),
    ("`delivery.exponential`", "exponential = { "),
    ("`api`", "[api]\n"),
    ("`events`", "[[events]]\n"),
];

/// The guide's blocks of code in a language.
fn blocks(language: &str) -> impl Iterator<Item = &'static str> {
    let opening = format!("```{language}\n");
    let blocks = GUIDE.split("```").enumerate().filter(|(place, _)| place % 2 == 1);
    blocks.filter_map(move |(_, block)| block.strip_prefix(&opening[3..]))
}

fn example() -> &'static str {
    blocks("toml").next().expect("the guide has an example")
}

/// The example with another way to say its retries, for the keys of that.
fn exponential_example() -> String {
    let exponential = "exponential = { first_delay = 1, factor = 2, retries = 3 }";
    example().replace("delays = [5, 300, 3600]", exponential)
}

/// The keys that the guide's table lists, and whether it says that they are required.
fn listed(heading: &str) -> BTreeMap<&'static str, bool> {
    let (_, section) = GUIDE.split_once(&format!("\n### {heading}\n")).expect("a section");
    let section = section.split("\n#").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        assert!(matches!(cells[2], "" | "required"), "{row}");
        (cells[1].trim_matches('`'), cells[2] == "required")
    })
    .collect()
}

/// The keys that a table of the file may have, as the reader itself lists them.
fn known(text: &str, after: &str) -> Vec<String> {
    let at = text.find(after).expect("the example has the table") + after.len();
    let separator = if after.ends_with('\n') || after.is_empty() { "\n" } else { ", " };
    let with_another = format!("{}zzz = 1{separator}{}", &text[..at], &text[at..]);
    let error = Contract::parse("guide", &with_another).unwrap_err().to_string();
    let (_, expected) = error.split_once("unknown field `zzz`, expected ").expect(&error);
    expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn its_tables_list_every_key_that_there_is() {
    for (heading, after) in TABLES {
        let mut known = known(&exponential_example(), after);
        known.sort();
        let listed: Vec<_> = listed(heading).into_keys().collect();
        assert_eq!(listed, known, "{heading}");
    }
    let sections = GUIDE.matches("\n### ").count();
    assert_eq!(sections, TABLES.len(), "each section is checked");
}

#[test]
fn it_says_truly_which_keys_are_required() {
    for (heading, after) in TABLES {
        for (key, required) in listed(heading) {
            let text = without(&exponential_example(), after, key);
            let told = Contract::parse("guide", &text).err().map(|errors| errors.to_string());
            let missing = told.is_some_and(|told| told.contains(&format!("missing field `{key}`")));
            assert_eq!(missing, required, "{heading} {key}");
        }
    }
}

/// The file without a key, in the first entry of its table.
fn without(text: &str, after: &str, key: &str) -> String {
    let mut file: toml::Table = text.parse().unwrap();
    let path = match after.trim_matches(['[', ']', '\n', '{', ' ']) {
        "requests = 600," => "endpoint.rate_limit",
        "name = \"X-Acme-Event\"," => "request.headers",
        "key = \"version\"," => "request.body",
        "exponential =" => "delivery.exponential",
        table => table,
    };
    let mut table = &mut file;
    for step in path.split('.').filter(|step| !step.is_empty()) {
        let value = table.get_mut(step).unwrap();
        table = match value {
            toml::Value::Array(list) => list[0].as_table_mut().unwrap(),
            value => value.as_table_mut().unwrap(),
        };
    }
    table.remove(key);
    toml_text(&file)
}

fn toml_text(file: &toml::Table) -> String {
    let lines = file.iter().map(|(key, value)| format!("{key} = {}", inline(value)));
    lines.collect::<Vec<_>>().join("\n")
}

fn inline(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => serde_json::to_string(text).unwrap(),
        toml::Value::Array(list) => {
            format!("[{}]", list.iter().map(inline).collect::<Vec<_>>().join(", "))
        }
        toml::Value::Table(table) => {
            let entry =
                |(key, value): (&String, &toml::Value)| format!("{key} = {}", inline(value));
            format!("{{ {} }}", table.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Boolean(flag) => flag.to_string(),
        other => panic!("no value of the example: {other:?}"),
    }
}

#[test]
fn its_example_is_a_contract_and_makes_the_body_that_it_shows() {
    let contract = parse(example());
    assert_eq!(blocks("toml").count(), 1);
    let event = contract.catalogued("order.placed").unwrap();
    let mut delivery = delivery();
    delivery.event.event_type = event.event_type();
    delivery.event.payload = event.example().as_bytes();
    let body = contract.body(&delivery).unwrap();
    assert_eq!(blocks("json").next().unwrap().trim_end().as_bytes(), &*body);
}

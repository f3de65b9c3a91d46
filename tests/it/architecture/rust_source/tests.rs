//! That a sample file is understood.

use super::RustSource;

const SAMPLE: &str = r#"//! A sample; it says todo!() in a comment.
use std::{collections::HashMap, fs, io::{self, net}};
trait Speaks {
    fn speak(&self) -> &str {
        "dbg!(todo!())"
    }
    fn shout(&self);
}
#[cfg(test)]
use other::thing;
fn outer() {
    fn inner() {}
    wait::sleep(1);
}
#[cfg(test)]
#[derive(Debug)]
struct OnlyForTests {
    field: u8,
}
macro_rules! quiet {
    () => { #[allow(dead_code)] };
}
#[cfg(test)]
mod tests {
    fn tested() {
        todo!()
    }
}
"#;

fn sample() -> RustSource {
    RustSource::parse(SAMPLE).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn tests_are_told_from_the_product() {
    let sample = sample();
    assert_eq!(sample.product_line_count(), SAMPLE.lines().count() - 2 - 5 - 6);
    assert!(sample.is_test(10) && sample.is_test(24));
    assert!(!sample.is_test(11) && !sample.is_test(20));
    let functions: Vec<_> =
        sample.product_functions().map(|f| (f.name.as_str(), f.line, f.length)).collect();
    assert_eq!(functions, [("speak", 4, 3), ("outer", 11, 4), ("inner", 12, 1)]);
}

#[test]
fn words_are_found_in_code_and_macros_but_not_in_comments_and_strings() {
    let sample = sample();
    assert_eq!(sample.lines_with(&["todo", "!"]), [26]);
    assert_eq!(sample.lines_with(&["dbg", "!"]), [0; 0]);
    assert_eq!(sample.lines_with(&["sleep", "("]), [13]);
    assert_eq!(sample.lines_with(&["#", "[", "allow"]), [21]);
}

#[test]
fn modules_are_found_alone_and_in_groups() {
    let sample = sample();
    assert_eq!(sample.lines_with_module("std", "fs"), [2]);
    assert_eq!(sample.lines_with_module("std", "io"), [2]);
    assert_eq!(sample.lines_with_module("std", "net"), [0; 0], "that is std::io::net");
    assert_eq!(sample.lines_with_module("other", "thing"), [10]);
}

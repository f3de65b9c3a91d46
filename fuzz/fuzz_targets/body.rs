//! Feeds bytes to the writer of bodies.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| postrider_contract::fuzzing::body(bytes));

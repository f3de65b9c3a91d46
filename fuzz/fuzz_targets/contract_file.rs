//! Feeds bytes to the reader of contract files; seeds are the files in `contracts/`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| postrider_contract::fuzzing::contract_file(bytes));

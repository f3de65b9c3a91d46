//! The commands, a file for each: its options, its errors, what it does.

pub(crate) mod migrate;
pub(crate) mod standalone;

//! The commands, a file for each: its options, its errors, what it does.

pub(crate) mod completions;
pub(crate) mod contract;
pub(crate) mod dead_letters;
pub(crate) mod deliveries;
pub(crate) mod events;
pub(crate) mod import;
pub(crate) mod keys;
pub(crate) mod listen;
pub(crate) mod migrate;
pub(crate) mod profiles;
pub(crate) mod replay;
pub(crate) mod replays;
pub(crate) mod send;
pub(crate) mod standalone;
pub(crate) mod tenants;
pub(crate) mod verify;
pub(crate) mod webhooks;

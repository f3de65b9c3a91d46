//! Dev only: what tests and the demo stand on. Databases and brokers of their own, receivers that
//! verify what they get, producers that remember what they were answered, stacks of real processes,
//! and the oracle that compares the ledgers.
//!
//! Nothing here is part of the product, and no product crate depends on it.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a harness that cannot do its work fails the test that stands on it"
)]

mod broker;
mod cleanup;
mod collector;
mod database;
pub mod demo;
mod engines;
mod latency;
pub mod machine;
pub mod oracle;
mod pair;
mod producer;
mod rabbit;
pub mod receiver;
mod rest;
mod stack;

pub use broker::TestBroker;
pub use collector::{CollectedSpan, Collector, NotCollected};
pub use database::TestDatabase;
pub use engines::{TestQueues, TestStore};
pub use latency::latency;
pub use oracle::{Faults, Oracle};
pub use pair::Pair;
pub use producer::{Draft, Producer, PublishError, Published};
pub use rabbit::Rabbit;
pub use receiver::{Answer, Behaviour, Ledger, Receiver};
pub use rest::{Rest, RestError};
pub use stack::{Customer, Hook, Service, Stack, StackOptions, binary};

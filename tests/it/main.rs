//! The integration tests: one crate, one binary. The tree mirrors the crates; `end_to_end`, `faults` and
//! `stories` drive real processes, `architecture` reads the sources.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod api;
mod architecture;
mod broker;
mod cli;
mod contracts;
mod dispatcher;
mod end_to_end;
mod faults;
mod ingest;
mod metrics;
mod migrate;
mod store;
mod stories;
mod tracing;

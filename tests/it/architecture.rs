//! What the code base promises about its own shape: who depends on whom, where things stand, how
//! long they are. Read from the manifests and the sources; no engine and no network is needed.
//!
//! `ARCHITECTURE.md` gives the reasons at length. `make lint` runs these tests alone; `deny.toml`
//! says the same about dependencies for cargo-deny, and a test here keeps the two in step.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a manifest or a source that cannot be read fails the test"
)]

mod budgets;
mod ci;
mod dependencies;
mod layout;
mod manifests;
mod modules;
mod pairs;
mod repository;
mod rust_source;

/// Fails with the rule and with everything that breaks it.
#[track_caller]
fn assert_none(rule: &str, violations: &[String]) {
    let count = violations.len();
    assert!(violations.is_empty(), "{rule} ({count} broken)\n  {}\n", violations.join("\n  "));
}

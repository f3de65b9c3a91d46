//! The dispatcher: consumes, claims, sends, settles; feeds, reaps, finds what was lost.
//!
//! Its state is the store's: any number of dispatchers work side by side, and one that dies leaves
//! leases that end. Accepting events is `ingest`'s business, showing the log is `api`'s.

mod breakers;
mod claim;
mod config;
mod consume;
mod deliver;
mod endpoints;
mod error;
mod judge;
mod keys;
mod limiter;
mod metrics;
mod request;
mod service;
mod settle;
mod slots;
mod trace;
mod turns;
mod unused;
pub mod workers;

pub use config::{Config, Limits, RetentionConfig, Settings};
pub use error::BuildError;
pub use service::Dispatcher;

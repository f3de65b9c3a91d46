//! The REST API: tenants and their keys, webhooks, and the log of events, deliveries and attempts.
//!
//! A library that its `main.rs`, the tests and the single binary share. It asks the store and the
//! egress guard; it publishes no events (`ingest`) and sends no requests (`dispatcher`). What it
//! answers is described by `docs/openapi.yaml`.

mod account;
mod api;
mod api_keys;
mod app;
mod auth;
mod base_path;
mod body;
mod config;
mod cursor;
mod dead_letters;
mod deliveries;
mod egress_ips;
mod error;
mod events;
mod fields;
mod json;
mod list;
mod metrics;
mod moment;
mod observe;
mod path;
mod query;
mod readiness;
mod replays;
mod selection;
mod server;
mod tenants;
mod test_events;
mod trace;
mod webhooks;

pub use api::Api;
pub use config::{Config, CustomerConfig, Settings};
